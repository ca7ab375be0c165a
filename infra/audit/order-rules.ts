import type { OrderFacts, OrderRow, Quantities } from './order-facts.ts';

/**
 * `lost`: something should be there and is not. `duplicated`: something is there more than once, or tells of what has not
 * happened. `wrong`: two things contradict each other.
 */
export type FindingKind = 'lost' | 'duplicated' | 'wrong';

export interface Finding {
  orderNo: string;
  kind: FindingKind;
  what: string;
}

type Say = (kind: FindingKind, what: string) => void;

/** One promise of the shop each; all of them hold for every order whose messages have all been consumed. */
const rules: readonly ((facts: OrderFacts, order: OrderRow, say: Say) => void)[] = [
  theEnd,
  theAmount,
  thePayment,
  theChannel,
  theStock,
  thePoints,
  theRewards,
  theCouponUsed,
  theNotifications,
  theShipment,
  theRefunds,
];

/** Holds an order against all that was to become of it. No I/O. */
export function judge(facts: OrderFacts): Finding[] {
  const { orderNo, order } = facts;
  const findings: Finding[] = [];
  const say: Say = (kind, what) => findings.push({ orderNo, kind, what });
  if (order === undefined) return [{ orderNo, kind: 'lost', what: 'order' }];
  for (const rule of rules) rule(facts, order, say);
  return findings;
}

const paidFor = new Set(['PAID', 'SHIPPED', 'REFUNDING', 'PARTIALLY_REFUNDED', 'REFUNDED']);

/** Was it ever paid? It stays so, whatever is given back. */
export function isPaidFor(order: OrderRow): boolean {
  return paidFor.has(order.status);
}

function customerRefunds(facts: OrderFacts): OrderFacts['orderRefunds'] {
  return facts.orderRefunds.filter(({ reason }) => reason === 'CUSTOMER');
}

/** All of it came back, and that is through. */
function isWhollyRefunded(facts: OrderFacts): boolean {
  return customerRefunds(facts).some(({ isWhole, completedAt }) => isWhole && completedAt);
}

/** An order is paid or closed in the end, and never both; a status is one word, and the times must say the same. */
function theEnd(facts: OrderFacts, order: OrderRow, say: Say): void {
  const { status, paidAt, closedAt, shippedAt } = order;
  const isPaid = isPaidFor(order);
  const isClosed = status === 'CANCELLED';
  if (status === 'PENDING') say('lost', 'payment or closing');
  else if (!isPaid && !isClosed) say('wrong', `status ${status} is none`);
  if (isPaid && paidAt === undefined) say('wrong', `${status} and no time of payment`);
  if (isClosed && closedAt === undefined) say('wrong', 'CANCELLED and no time of closing');
  if (paidAt !== undefined && closedAt !== undefined) say('duplicated', 'paid and closed');
  if (!isPaid && paidAt !== undefined) say('wrong', `${status} with a time of payment`);
  if (!isClosed && closedAt !== undefined) say('wrong', `${status} with a time of closing`);
  if (status === 'SHIPPED' && shippedAt === undefined) say('wrong', 'SHIPPED and no time of it');
  const refunds = customerRefunds(facts);
  const isOpen = refunds.some(({ completedAt }) => completedAt === undefined);
  const wanted = isOpen
    ? 'REFUNDING'
    : isWhollyRefunded(facts)
      ? 'REFUNDED'
      : refunds.length > 0
        ? 'PARTIALLY_REFUNDED'
        : undefined;
  const isRefundStatus = /REFUND/.test(status);
  if (wanted === undefined ? isRefundStatus : status !== wanted) {
    say('wrong', `${status}, and its refunds say ${wanted ?? 'there are none'}`);
  }
}

function theAmount(facts: OrderFacts, order: OrderRow, say: Say): void {
  const { itemsMinor, discountMinor, totalMinor } = order;
  if (facts.ordered.size === 0) say('lost', 'items');
  else if (itemsMinor - discountMinor !== totalMinor) {
    say('wrong', `total ${totalMinor}, its items come to ${itemsMinor} less ${discountMinor}`);
  }
  if (discountMinor > 0 && order.couponCode === undefined) say('wrong', 'a discount, no coupon');
}

/** A paid order has one payment, of its amount; money that came for a closed one goes back. */
function thePayment(facts: OrderFacts, order: OrderRow, say: Say): void {
  const succeeded = facts.payments.filter(({ status }) => status === 'SUCCEEDED');
  const open = facts.payments.filter(({ status }) => status === 'PROCESSING');
  if (open.length > 0) say('lost', `end of payment ${open[0]?.paymentNo}`);
  if (succeeded.length > 1) say('duplicated', 'payment');
  const late = new Set(
    facts.orderRefunds
      .filter(({ reason }) => reason === 'LATE_PAYMENT')
      .map(({ paymentNo }) => paymentNo),
  );
  for (const { paymentNo, amountMinor } of succeeded) {
    if (amountMinor !== order.totalMinor) {
      say('wrong', `payment of ${amountMinor} for a total of ${order.totalMinor}`);
    }
    if (isPaidFor(order)) {
      if (paymentNo !== order.paymentNo) say('duplicated', `payment ${paymentNo}`);
    } else if (!late.has(paymentNo)) {
      const what = order.status === 'CANCELLED' ? 'return of a late payment' : 'news of a payment';
      say('lost', `${what}: ${paymentNo}`);
    }
  }
  if (!isPaidFor(order)) return;
  if (succeeded.length === 0) say('lost', `payment ${order.paymentNo ?? ''}`.trimEnd());
}

/** What the payment service believes of the money is what the channel did. */
function theChannel(facts: OrderFacts, _order: OrderRow, say: Say): void {
  const charged = new Map(
    facts.charges
      .filter(({ status }) => status === 'SUCCEEDED')
      .map((charge) => [charge.paymentNo, charge.amountMinor]),
  );
  for (const { paymentNo, status, amountMinor } of facts.payments) {
    const chargedMinor = charged.get(paymentNo);
    charged.delete(paymentNo);
    if (status === 'SUCCEEDED' && chargedMinor !== amountMinor) {
      say('wrong', `payment of ${amountMinor}, the channel took ${chargedMinor ?? 'nothing'}`);
    }
    if (status !== 'SUCCEEDED' && chargedMinor !== undefined) {
      say('lost', `success of payment ${paymentNo}: the channel took ${chargedMinor}`);
    }
  }
  for (const [paymentNo] of charged) say('lost', `payment ${paymentNo}, which the channel took`);
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
  for (const [refundNo] of returned) say('duplicated', `money of refund ${refundNo}`);
}

/** Goods are reserved, then sold or let go, each once; what is refunded is back on the shelf. */
function theStock(facts: OrderFacts, order: OrderRow, say: Say): void {
  const { reservation, ordered, orderNo } = facts;
  const wanted = isPaidFor(order)
    ? 'CONFIRMED'
    : order.status === 'CANCELLED'
      ? 'RELEASED'
      : 'RESERVED';
  if (reservation === undefined) say('lost', 'reservation');
  else if (reservation.status !== wanted) {
    say('lost', `stock ${wanted} (it is ${reservation.status})`);
  }
  if (reservation !== undefined && !isSame(reservation.items, ordered)) {
    say('wrong', 'what is reserved is not what was ordered');
  }
  const moved = (kind: string, reference: string): Quantities =>
    new Map(
      facts.stockMovements
        .filter((movement) => movement.kind === kind && movement.reference === reference)
        .map(({ sku, quantity }) => [sku, quantity]),
    );
  const expected: [string, boolean][] = [
    ['RESERVED', true],
    ['CONFIRMED', wanted === 'CONFIRMED'],
    ['RELEASED', wanted === 'RELEASED'],
  ];
  for (const [kind, isExpected] of expected) {
    compare(moved(kind, orderNo), isExpected ? ordered : new Map(), `${kind} of`, say);
  }
  for (const refund of customerRefunds(facts)) {
    const isDone = refund.completedAt !== undefined;
    const restocked = moved('RESTOCKED', refund.refundNo);
    if (isDone || restocked.size > 0) compare(restocked, refund.items, 'RESTOCKED of', say);
  }
}

function thePoints(facts: OrderFacts, order: OrderRow, say: Say): void {
  const earned = facts.pointsMovements.filter(({ kind }) => kind === 'EARNED');
  count(earned.length, isPaidFor(order) ? 1 : 0, 'points', say);
  const points = earned.reduce((sum, movement) => sum + movement.points, 0);
  const wanted = Math.floor(order.totalMinor / 100);
  if (earned.length === 1 && isPaidFor(order) && points !== wanted) {
    say('wrong', `${points} points for ${order.totalMinor}, it should be ${wanted}`);
  }
  const deducted = facts.pointsMovements.filter(({ kind }) => kind === 'DEDUCTED');
  const refunds = customerRefunds(facts);
  for (const { refundNo, completedAt } of refunds) {
    const found = deducted.filter(({ reference }) => reference === refundNo).length;
    if (completedAt !== undefined || found > 1) count(found, 1, 'deduction of points', say);
  }
  for (const { reference } of deducted) {
    if (!refunds.some(({ refundNo }) => refundNo === reference)) {
      say('duplicated', `deduction of points for ${reference}, which is no refund`);
    }
  }
  const taken = deducted.reduce((sum, movement) => sum + movement.points, 0);
  if (isWhollyRefunded(facts) && taken !== points) {
    say('wrong', `${taken} points deducted of ${points}, and all was refunded`);
  }
}

/** One coupon and one red packet thank for a paid order; both are recalled when all of it is refunded. */
function theRewards(facts: OrderFacts, order: OrderRow, say: Say): void {
  const wanted = isPaidFor(order) ? 1 : 0;
  count(facts.coupons.length, wanted, 'coupon', say);
  count(facts.redPackets.length, wanted, 'red packet', say);
  const isOver = isWhollyRefunded(facts);
  for (const { status } of facts.coupons) {
    if (isOver && status === 'ISSUED') say('lost', 'recall of the coupon');
  }
  for (const { status } of facts.redPackets) {
    if (isOver && status !== 'RECALLED') say('lost', 'recall of the red packet');
    if (!isOver && status === 'RECALLED' && customerRefunds(facts).length === 0) {
      say('duplicated', 'recall of the red packet');
    }
  }
}

function theCouponUsed(facts: OrderFacts, order: OrderRow, say: Say): void {
  const { redemption } = facts;
  if (order.couponCode === undefined) {
    if (redemption !== undefined && redemption.status !== 'RELEASED') {
      say('wrong', `coupon ${redemption.code} is taken, the order uses none`);
    }
    return;
  }
  if (redemption === undefined) {
    say('lost', `redemption of ${order.couponCode}`);
    return;
  }
  const isGivenBack = order.status === 'CANCELLED' || isWhollyRefunded(facts);
  const wanted = isGivenBack ? 'RELEASED' : isPaidFor(order) ? 'KEPT' : 'HELD';
  if (redemption.status !== wanted) {
    say('lost', `coupon ${redemption.code} ${wanted} (it is ${redemption.status})`);
  }
  if (redemption.code !== order.couponCode) {
    say('wrong', `coupon ${redemption.code} is taken, the order uses ${order.couponCode}`);
  }
}

function theNotifications(facts: OrderFacts, order: OrderRow, say: Say): void {
  const isCustomers = customerRefunds(facts);
  const wanted: Readonly<Record<string, number>> = {
    Created: 1,
    Paid: isPaidFor(order) ? 1 : 0,
    Closed: order.status === 'CANCELLED' ? 1 : 0,
    Shipped: order.shippedAt === undefined ? 0 : 1,
    RefundRequested: isCustomers.length,
    PaidTooLate: facts.orderRefunds.length - isCustomers.length,
    Refunded: facts.orderRefunds.filter(({ completedAt }) => completedAt !== undefined).length,
  };
  for (const [kind, number] of Object.entries(wanted)) {
    const found = facts.notifications.filter((notification) => notification.kind === kind);
    count(found.length, number, `push ${kind}`, say);
  }
  for (const { kind, isDelivered } of facts.notifications) {
    if (!isDelivered) say('lost', `delivery of push ${kind}`);
    if (!(kind in wanted)) say('wrong', `push ${kind} is none`);
  }
}

/** A paid order is shipped, unless all of it was refunded before it could leave. */
function theShipment(facts: OrderFacts, order: OrderRow, say: Say): void {
  count(facts.shipments.length, isPaidFor(order) ? 1 : 0, 'shipment', say);
  const accepted = new Set(
    facts.carrierShipments
      .filter(({ status }) => status === 'ACCEPTED')
      .map(({ shipmentNo }) => shipmentNo),
  );
  for (const { shipmentNo, status } of facts.shipments) {
    const hasLeft = accepted.delete(shipmentNo);
    if (status === 'SHIPPED' && !hasLeft) say('wrong', 'shipped, and the carrier has no parcel');
    if (status !== 'SHIPPED' && hasLeft) say('lost', 'news that the carrier has the parcel');
    if (status === 'SHIPPED' && order.shippedAt === undefined) say('lost', 'news of the shipment');
    if (status !== 'SHIPPED' && order.shippedAt !== undefined) {
      say('wrong', `the order says it was shipped, its shipment is ${status}`);
    }
    if (status === 'REQUESTED' || status === 'HANDING_OVER') say('lost', `shipping (${status})`);
    if (status === 'CANCELLED' && customerRefunds(facts).length === 0) {
      say('wrong', 'a shipment cancelled without a refund');
    }
  }
  for (const shipmentNo of accepted) say('duplicated', `parcel ${shipmentNo} at the carrier`);
}

/** What the order believes of a refund is what the saga did; money went back once, and never more than came. */
function theRefunds(facts: OrderFacts, order: OrderRow, say: Say): void {
  const sagas = new Map(facts.refunds.map((refund) => [refund.refundNo, refund]));
  const returns = new Map(facts.paymentRefunds.map((refund) => [refund.refundNo, refund]));
  for (const { refundNo, amountMinor, completedAt } of facts.orderRefunds) {
    const saga = sagas.get(refundNo);
    const money = returns.get(refundNo);
    sagas.delete(refundNo);
    returns.delete(refundNo);
    if (completedAt === undefined) {
      const where =
        saga === undefined ? 'not begun' : `${saga.status}: ${saga.openSteps.join(', ')}`;
      say('lost', `end of refund ${refundNo} (${where})`);
    }
    if (saga !== undefined && saga.refundMinor !== amountMinor) {
      say('wrong', `refund of ${amountMinor}, the saga says ${saga.refundMinor}`);
    }
    if (completedAt === undefined) continue;
    if (saga?.status !== 'COMPLETED' || saga.openSteps.length > 0) {
      say('wrong', `refund ${refundNo} is completed, its saga is ${saga?.status ?? 'not there'}`);
    }
    if (money?.status !== 'SUCCEEDED' || money.amountMinor !== amountMinor) {
      say('lost', `money of refund ${refundNo}`);
    }
  }
  for (const refundNo of sagas.keys()) say('duplicated', `refund ${refundNo}`);
  for (const refundNo of returns.keys()) say('duplicated', `money of refund ${refundNo}`);
  const sum = facts.orderRefunds.reduce((total, { amountMinor }) => total + amountMinor, 0);
  if (sum > order.totalMinor) say('wrong', `${sum} refunded of ${order.totalMinor}`);
  if (isWhollyRefunded(facts) && sum !== order.totalMinor) {
    say('wrong', `all was refunded, and ${sum} of ${order.totalMinor} came back`);
  }
}

function count(found: number, wanted: number, what: string, say: Say): void {
  for (let missing = found; missing < wanted; missing += 1) say('lost', what);
  for (let surplus = found; surplus > wanted; surplus -= 1) say('duplicated', what);
}

function compare(found: Quantities, wanted: Quantities, what: string, say: Say): void {
  for (const sku of new Set([...found.keys(), ...wanted.keys()])) {
    const have = found.get(sku) ?? 0;
    const need = wanted.get(sku) ?? 0;
    if (have < need) say('lost', `${what} ${need - have} × ${sku}`);
    if (have > need) say('duplicated', `${what} ${have - need} × ${sku}`);
  }
}

function isSame(a: Quantities, b: Quantities): boolean {
  return a.size === b.size && [...a].every(([sku, quantity]) => b.get(sku) === quantity);
}
