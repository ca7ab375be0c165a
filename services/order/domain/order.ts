import { DomainError, type FieldProblem } from '../../common/errors.ts';
import { minorUnits, SHOP_CURRENCY, sumOf, times, type MinorUnits } from '../../common/money.ts';
import { decideMove, isPaidFor, type OrderStatus } from './order-status.ts';

export const MAX_ORDER_LINES = 100;
export const MAX_LINE_QUANTITY = 999;

/** Orders of a flash sale that are placed at once. */
export const MAX_BATCH_COUNT = 256;

export interface OrderLine {
  sku: string;
  quantity: number;
}

/** A line with the price it was ordered at: a later change of the catalogue does not touch it. */
export interface OrderItem extends OrderLine {
  unitPriceMinor: MinorUnits;
}

export interface Order {
  orderNo: string;
  userId: string;
  /** The flash sale it was placed in. */
  saleId?: string;
  status: OrderStatus;
  items: readonly OrderItem[];
  /** What the coupon takes off the items. */
  discountMinor: MinorUnits;
  couponCode?: string;
  /** What is to be paid: the items less the discount. */
  totalMinor: MinorUnits;
  currency: string;
  placedAt: Date;
  paidAt?: Date;
  paymentNo?: string;
  closedAt?: Date;
  shippedAt?: Date;
  trackingNo?: string;
}

/** Errors: ORDER.UNKNOWN_SKU naming every line whose sku has no price. */
export function pricedItems(
  lines: readonly OrderLine[],
  prices: ReadonlyMap<string, MinorUnits>,
): OrderItem[] {
  const unknown: FieldProblem[] = [];
  const items: OrderItem[] = [];
  for (const [index, { sku, quantity }] of lines.entries()) {
    const unitPriceMinor = prices.get(sku);
    if (unitPriceMinor === undefined) {
      unknown.push({ field: `items[${index}].sku`, message: `there is no sku ${sku}` });
    } else {
      items.push({ sku, quantity, unitPriceMinor });
    }
  }
  if (unknown.length === 0) return items;
  throw new DomainError(
    'ORDER.UNKNOWN_SKU',
    'invalid',
    `${unknown.length} of ${lines.length} item(s) name a sku that is not in the catalogue`,
    { fields: unknown },
  );
}

export function grossOf(items: readonly OrderItem[]): MinorUnits {
  return sumOf(items.map((item) => times(item.unitPriceMinor, item.quantity)));
}

/** One line for each sku: the same one may have been ordered in several. */
export function bySku(lines: readonly OrderLine[]): OrderLine[] {
  const sums = new Map<string, number>();
  for (const { sku, quantity } of lines) sums.set(sku, (sums.get(sku) ?? 0) + quantity);
  return [...sums].map(([sku, quantity]) => ({ sku, quantity }));
}

/** A coupon worth more than the items makes the order cheap and not free: something is left to be paid. */
export function placeOrder(placing: {
  orderNo: string;
  userId: string;
  saleId?: string;
  items: readonly OrderItem[];
  coupon?: { code: string; amountMinor: MinorUnits };
  placedAt: Date;
}): Order {
  const { orderNo, userId, saleId, items, coupon, placedAt } = placing;
  const grossMinor = grossOf(items);
  const discountMinor = Math.max(0, Math.min(coupon?.amountMinor ?? 0, grossMinor - 1));
  return {
    orderNo,
    userId,
    ...(saleId === undefined ? {} : { saleId }),
    status: 'PENDING',
    items,
    discountMinor,
    ...(coupon ? { couponCode: coupon.code } : {}),
    totalMinor: minorUnits(grossMinor - discountMinor),
    currency: SHOP_CURRENCY,
    placedAt,
  };
}

/**
 * An order that this payment has paid already comes back as it is.
 *
 * Errors: PAYMENT.PAID_TWICE when another payment has: somebody's money is here that must not be forgotten;
 *         ORDER.ILLEGAL_MOVE for an order that is closed.
 */
export function payOrder(
  order: Order,
  payment: { paymentNo: string; paidAt: Date },
): { order: Order; isRepeat: boolean } {
  if (order.paymentNo === payment.paymentNo) return { order, isRepeat: true };
  if (isPaidFor(order.status)) {
    throw new DomainError(
      'PAYMENT.PAID_TWICE',
      'invalid',
      `payment ${payment.paymentNo} is for order ${order.orderNo}, which payment ${order.paymentNo ?? 'of old'} has paid`,
    );
  }
  decideMove(order.orderNo, order.status, 'PAID');
  return { order: { ...order, status: 'PAID', ...payment }, isRepeat: false };
}

/** Errors: ORDER.ILLEGAL_MOVE, for a paid order say. An order that is already closed comes back as it is. */
export function closeOrder(order: Order, closedAt: Date): { order: Order; isRepeat: boolean } {
  const isRepeat = decideMove(order.orderNo, order.status, 'CANCELLED') === 'repeated';
  return isRepeat
    ? { order, isRepeat }
    : { order: { ...order, status: 'CANCELLED', closedAt }, isRepeat };
}

/** Where it goes a refund may already be under way: then it keeps that status. Errors: ORDER.ILLEGAL_MOVE. */
export function shipOrder(
  order: Order,
  shipment: { trackingNo: string; shippedAt: Date },
): { order: Order; isRepeat: boolean } {
  if (order.shippedAt !== undefined) return { order, isRepeat: true };
  const { status } = order;
  if (status === 'REFUNDING' || status === 'PARTIALLY_REFUNDED' || status === 'REFUNDED') {
    return { order: { ...order, ...shipment }, isRepeat: false };
  }
  decideMove(order.orderNo, status, 'SHIPPED');
  return { order: { ...order, ...shipment, status: 'SHIPPED' }, isRepeat: false };
}

/** The order as the customer was first told of it, whatever has become of it since. */
export function asPlaced(order: Order): Order {
  const {
    paidAt: _paidAt,
    paymentNo: _paymentNo,
    closedAt: _closedAt,
    shippedAt: _shippedAt,
    trackingNo: _trackingNo,
    ...placed
  } = order;
  return { ...placed, status: 'PENDING' };
}
