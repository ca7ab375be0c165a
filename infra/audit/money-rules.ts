import type { Say } from './finding.ts';
import { isSame, sumOf } from './comparison.ts';
import {
  customerRefunds,
  isPaidFor,
  type OrderFacts,
  type OrderRefund,
  type OrderRow,
  type Quantities,
} from './order-facts.ts';

/** A paid order has one payment, of its amount; money that came for a closed one goes back. */
export function thePayment(facts: OrderFacts, order: OrderRow, say: Say): void {
  const { paymentNo: ownNo, totalMinor, status } = order;
  for (const payment of facts.payments) {
    if (payment.status === 'PROCESSING') say('lost', `end of payment ${payment.paymentNo}`);
  }
  const succeeded = facts.payments.filter((payment) => payment.status === 'SUCCEEDED');
  for (const { amountMinor } of succeeded) {
    if (amountMinor !== totalMinor) {
      say('wrong', `payment of ${amountMinor} for a total of ${totalMinor}`);
    }
  }
  const numbers = succeeded.map(({ paymentNo }) => paymentNo);
  if (isPaidFor(order)) {
    if (ownNo !== undefined && !numbers.includes(ownNo)) say('lost', `payment ${ownNo}`);
    // An order that has forgotten its payment's number may have one all the same.
    const others = numbers.filter((no) => no !== ownNo).slice(ownNo === undefined ? 1 : 0);
    for (const paymentNo of others) say('duplicated', `payment ${paymentNo}`);
    return;
  }
  const late = new Set(
    facts.orderRefunds
      .filter(({ reason }) => reason === 'LATE_PAYMENT')
      .map(({ paymentNo }) => paymentNo),
  );
  const what = status === 'CANCELLED' ? 'return of a late payment' : 'news of a payment';
  for (const paymentNo of numbers) if (!late.has(paymentNo)) say('lost', `${what}: ${paymentNo}`);
}

/** What the payment service believes of the money is what the channel did. */
export function theChannel(facts: OrderFacts, _order: OrderRow, say: Say): void {
  const charged = new Map(
    facts.charges
      .filter(({ status }) => status === 'SUCCEEDED')
      .map((charge) => [charge.paymentNo, charge.amountMinor]),
  );
  for (const { paymentNo, status, amountMinor } of facts.payments) {
    const chargedMinor = charged.get(paymentNo);
    if (status === 'SUCCEEDED' && chargedMinor !== amountMinor) {
      say('wrong', `payment of ${amountMinor}, the channel took ${chargedMinor ?? 'nothing'}`);
    }
    if (status !== 'SUCCEEDED' && chargedMinor !== undefined) {
      say('lost', `success of payment ${paymentNo}: the channel took ${chargedMinor}`);
    }
  }
  const returned = new Map(
    facts.channelRefunds.map(({ refundNo, amountMinor }) => [refundNo, amountMinor]),
  );
  for (const { refundNo, status, amountMinor } of facts.paymentRefunds) {
    const returnedMinor = returned.get(refundNo) ?? 0;
    returned.delete(refundNo);
    if (status === 'SUCCEEDED' && returnedMinor !== amountMinor) {
      say('wrong', `refund of ${amountMinor}, the channel gave back ${returnedMinor}`);
    }
    // One that was given up and came to the channel all the same: its retry will find it.
    if (status !== 'SUCCEEDED' && returnedMinor > 0) say('lost', `success of refund ${refundNo}`);
  }
  for (const [refundNo] of returned)
    say('duplicated', `money of refund ${refundNo} at the channel`);
}

/** What the order believes of a refund is what the saga did; money went back once, and never more than came. */
export function theRefunds(facts: OrderFacts, order: OrderRow, say: Say): void {
  const sagas = new Map(facts.refunds.map((refund) => [refund.refundNo, refund]));
  const returns = new Map(facts.paymentRefunds.map((refund) => [refund.refundNo, refund]));
  for (const refund of facts.orderRefunds) {
    const { refundNo } = refund;
    theSaga(refund, sagas.get(refundNo), isInTheMail(facts, refundNo), say);
    theMoney(refund, returns.get(refundNo), payer(facts, order, refund), say);
    sagas.delete(refundNo);
    returns.delete(refundNo);
  }
  for (const refundNo of sagas.keys()) say('duplicated', `refund ${refundNo}`);
  for (const refundNo of returns.keys()) say('duplicated', `money of refund ${refundNo}`);
  for (const { reason, amountMinor } of facts.orderRefunds) {
    if (reason === 'LATE_PAYMENT' && amountMinor !== order.totalMinor) {
      say('wrong', `${amountMinor} of a late payment come back, it was ${order.totalMinor}`);
    }
  }
  theShare(facts, order, say);
}

/**
 * The warehouse waits for what the customer is to send. Nobody can say how long that takes, and nothing is lost meanwhile:
 * the order says REFUNDING, and no later step has been asked for.
 */
function isInTheMail(facts: OrderFacts, refundNo: string): boolean {
  const saga = facts.refunds.find((refund) => refund.refundNo === refundNo);
  const goods = facts.goodsReturns.find((each) => each.refundNo === refundNo);
  return (
    goods?.status === 'AWAITED' &&
    saga?.status === 'RUNNING' &&
    saga.openSteps[0] === 'ReturnGoods DUE'
  );
}

function theSaga(
  { refundNo, amountMinor, completedAt }: OrderRefund,
  saga: OrderFacts['refunds'][number] | undefined,
  isWaiting: boolean,
  say: Say,
): void {
  if (saga !== undefined && saga.refundMinor !== amountMinor) {
    say('wrong', `refund of ${amountMinor}, the saga says ${saga.refundMinor}`);
  }
  if (completedAt === undefined) {
    const where =
      saga === undefined ? 'not begun' : [saga.status, ...saga.openSteps.slice(0, 1)].join(', ');
    if (!isWaiting) say('lost', `end of refund ${refundNo} (${where})`);
  } else if (saga?.status !== 'COMPLETED') {
    say('wrong', `refund ${refundNo} is completed, its saga is ${saga?.status ?? 'not there'}`);
  } else if (saga.openSteps.length > 0) {
    say('wrong', `refund ${refundNo} is completed, but for ${saga.openSteps.join(', ')}`);
  }
}

/** The payment that a refund must be of. */
function payer(
  facts: OrderFacts,
  order: OrderRow,
  { reason, paymentNo }: OrderRefund,
): string | undefined {
  if (reason === 'CUSTOMER') return order.paymentNo;
  return facts.payments.find((payment) => payment.paymentNo === paymentNo)?.paymentNo;
}

function theMoney(
  { refundNo, paymentNo, amountMinor, completedAt }: OrderRefund,
  money: OrderFacts['paymentRefunds'][number] | undefined,
  payerNo: string | undefined,
  say: Say,
): void {
  if (paymentNo !== payerNo) {
    say('wrong', `refund ${refundNo} is of payment ${paymentNo}, which is not this order's`);
  }
  if (money !== undefined && money.paymentNo !== paymentNo) {
    say('wrong', `refund ${refundNo} is of ${paymentNo}, its money of ${money.paymentNo}`);
  }
  if (money !== undefined && money.amountMinor !== amountMinor) {
    say('wrong', `refund of ${amountMinor}, its money is ${money.amountMinor}`);
  }
  if (completedAt !== undefined && money?.status !== 'SUCCEEDED') {
    say('lost', `money of refund ${refundNo}`);
  }
}

/** However an order was cut into refunds, what they come to is its share of what was paid, to the cent. */
function theShare(facts: OrderFacts, order: OrderRow, say: Say): void {
  const refunds = customerRefunds(facts);
  if (refunds.length === 0) return;
  const goods = sumOf(refunds.map(({ items }) => items));
  for (const [sku, quantity] of goods) {
    const most = facts.ordered.get(sku) ?? 0;
    if (quantity > most) say('wrong', `${quantity} × ${sku} refunded of ${most}`);
  }
  const wholeCount = refunds.filter(({ isWhole }) => isWhole).length;
  if (wholeCount !== (isSame(goods, facts.ordered) ? 1 : 0)) {
    say('wrong', `${wholeCount} refund(s) of all that was left, and the goods say otherwise`);
  }
  const sum = refunds.reduce((total, { amountMinor }) => total + amountMinor, 0);
  const due = shareOf(order, facts.prices, goods);
  if (sum !== due) say('wrong', `${sum} refunded of ${order.totalMinor}, the goods came to ${due}`);
}

function shareOf(
  { totalMinor, itemsMinor }: OrderRow,
  prices: Quantities,
  goods: Quantities,
): number {
  if (itemsMinor === 0) return 0;
  const gross = [...goods].reduce(
    (sum, [sku, quantity]) => sum + quantity * (prices.get(sku) ?? 0),
    0,
  );
  // The product may be past 2^53.
  return Number((BigInt(totalMinor) * BigInt(gross)) / BigInt(itemsMinor));
}
