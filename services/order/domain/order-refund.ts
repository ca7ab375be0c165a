import { DomainError, type FieldProblem } from '../../common/errors.ts';
import { minorUnits, sumOf, times, type MinorUnits } from '../../common/money.ts';
import { decideMove } from './order-status.ts';
import { bySku, grossOf, type Order, type OrderLine } from './order.ts';

/** `LATE_PAYMENT`: the order was closed before its money came. All of it goes back, and no goods. */
export type RefundReason = 'CUSTOMER' | 'LATE_PAYMENT';

/** A refund as the order knows it. How far it has come is the refund service's to say. */
export interface OrderRefund {
  refundNo: string;
  orderNo: string;
  reason: RefundReason;
  paymentNo: string;
  amountMinor: MinorUnits;
  items: readonly OrderLine[];
  /** Nothing of the order is left unrefunded after this one. */
  isWhole: boolean;
  requestedAt: Date;
  completedAt?: Date;
}

/**
 * Begins a refund of some items, or of all that is left when none are named.
 *
 * Errors: ORDER.ILLEGAL_MOVE for an order that is not paid; ORDER.REFUND_UNDER_WAY; ORDER.REFUND_EXCEEDS naming each item of
 *         which more is wanted back than is left; ORDER.PAYMENT_UNKNOWN.
 */
export function requestRefund(
  order: Order,
  earlier: readonly OrderRefund[],
  wish: { refundNo: string; items: readonly OrderLine[] | undefined; requestedAt: Date },
): { order: Order; refund: OrderRefund } {
  // Twice at once is not a repetition: each wish would have its own amount.
  if (decideMove(order.orderNo, order.status, 'REFUNDING') === 'repeated') {
    throw new DomainError(
      'ORDER.REFUND_UNDER_WAY',
      'conflict',
      `order ${order.orderNo} is REFUNDING; the next refund can begin when that one is through`,
    );
  }
  const { paymentNo } = order;
  if (paymentNo === undefined) {
    throw new DomainError(
      'ORDER.PAYMENT_UNKNOWN',
      'conflict',
      `order ${order.orderNo} is ${order.status} since before payments had numbers; nobody knows where its money would go back to`,
    );
  }
  const left = leftOf(order, earlier);
  const items = wish.items === undefined ? listOf(left) : bySku(wish.items);
  refuseExcess(order, items, left);
  const before = refundedGross(
    order,
    earlier.flatMap((refund) => refund.items),
  );
  const after = before + refundedGross(order, items);
  const isWhole =
    items.every(({ sku, quantity }) => left.get(sku) === quantity) &&
    items.length === listOf(left).length;
  const refund: OrderRefund = {
    refundNo: wish.refundNo,
    orderNo: order.orderNo,
    reason: 'CUSTOMER',
    paymentNo,
    amountMinor: minorUnits(paidShare(order, after) - paidShare(order, before)),
    items,
    isWhole,
    requestedAt: wish.requestedAt,
  };
  return { order: { ...order, status: 'REFUNDING' }, refund };
}

/** Gives back a payment that came when the order was closed. */
export function refundLatePayment(
  order: Order,
  wish: { refundNo: string; paymentNo: string; requestedAt: Date },
): OrderRefund {
  return {
    ...wish,
    orderNo: order.orderNo,
    reason: 'LATE_PAYMENT',
    amountMinor: order.totalMinor,
    items: [],
    isWhole: true,
  };
}

/** Errors: ORDER.ILLEGAL_MOVE. */
export function completeRefund(order: Order, refund: OrderRefund): Order {
  if (refund.reason === 'LATE_PAYMENT') return order;
  const status = refund.isWhole ? 'REFUNDED' : 'PARTIALLY_REFUNDED';
  decideMove(order.orderNo, order.status, status);
  return { ...order, status };
}

/** How many of each sku are not refunded yet. */
function leftOf(order: Order, refunds: readonly OrderRefund[]): ReadonlyMap<string, number> {
  const left = new Map(bySku(order.items).map(({ sku, quantity }) => [sku, quantity]));
  for (const { sku, quantity } of refunds.flatMap((refund) => refund.items)) {
    left.set(sku, (left.get(sku) ?? 0) - quantity);
  }
  return left;
}

function refuseExcess(
  order: Order,
  items: readonly OrderLine[],
  left: ReadonlyMap<string, number>,
): void {
  const fields = items.flatMap(({ sku, quantity }): FieldProblem[] => {
    const most = left.get(sku) ?? 0;
    if (quantity <= most) return [];
    return [{ field: sku, message: `${quantity} are to be refunded, ${most} are left` }];
  });
  if (items.length > 0 && fields.length === 0) return;
  throw new DomainError(
    'ORDER.REFUND_EXCEEDS',
    'conflict',
    `order ${order.orderNo} is ${order.status}: ` +
      (fields.map(({ field, message }) => `of ${field} ${message}`).join('; ') ||
        'nothing of it is left to be refunded'),
    { fields },
  );
}

/**
 * What of the payment belongs to so much of the items' price. Refunds are differences of this, so that however they are cut
 * their sum is what was paid, to the cent.
 */
function paidShare(order: Order, refundedGrossMinor: MinorUnits): MinorUnits {
  const gross = BigInt(grossOf(order.items));
  if (gross === 0n) return 0;
  return Number((BigInt(order.totalMinor) * BigInt(refundedGrossMinor)) / gross);
}

function refundedGross(order: Order, items: readonly OrderLine[]): MinorUnits {
  const prices = new Map(order.items.map(({ sku, unitPriceMinor }) => [sku, unitPriceMinor]));
  return sumOf(items.map(({ sku, quantity }) => times(prices.get(sku) ?? 0, quantity)));
}

function listOf(quantities: ReadonlyMap<string, number>): OrderLine[] {
  return [...quantities]
    .filter(([, quantity]) => quantity > 0)
    .map(([sku, quantity]) => ({ sku, quantity }));
}
