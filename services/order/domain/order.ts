import { DomainError, type FieldProblem } from '../../common/errors.ts';
import { SHOP_CURRENCY, sumOf, times, type MinorUnits } from '../../common/money.ts';
import { decideMove, type OrderStatus } from './order-status.ts';

export const MAX_ORDER_LINES = 100;
export const MAX_LINE_QUANTITY = 999;

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
  status: OrderStatus;
  items: readonly OrderItem[];
  totalMinor: MinorUnits;
  currency: string;
  placedAt: Date;
  paidAt?: Date;
  closedAt?: Date;
}

/** Errors: ORDER.UNKNOWN_SKU naming every line whose sku has no price. */
export function placeOrder(placing: {
  orderNo: string;
  userId: string;
  lines: readonly OrderLine[];
  prices: ReadonlyMap<string, MinorUnits>;
  placedAt: Date;
}): Order {
  const { orderNo, userId, lines, prices, placedAt } = placing;
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
  if (unknown.length > 0) {
    throw new DomainError(
      'ORDER.UNKNOWN_SKU',
      'invalid',
      `${unknown.length} of ${lines.length} item(s) name a sku that is not in the catalogue`,
      { fields: unknown },
    );
  }
  return {
    orderNo,
    userId,
    status: 'PENDING',
    items,
    totalMinor: sumOf(items.map((item) => times(item.unitPriceMinor, item.quantity))),
    currency: SHOP_CURRENCY,
    placedAt,
  };
}

/** Errors: ORDER.ILLEGAL_MOVE. An order that is already paid comes back as it is. */
export function payOrder(order: Order, paidAt: Date): { order: Order; isRepeat: boolean } {
  const isRepeat = decideMove(order.orderNo, order.status, 'PAID') === 'repeated';
  return isRepeat ? { order, isRepeat } : { order: { ...order, status: 'PAID', paidAt }, isRepeat };
}

/** Errors: ORDER.ILLEGAL_MOVE, for a paid order say. An order that is already closed comes back as it is. */
export function closeOrder(order: Order, closedAt: Date): { order: Order; isRepeat: boolean } {
  const isRepeat = decideMove(order.orderNo, order.status, 'CANCELLED') === 'repeated';
  return isRepeat
    ? { order, isRepeat }
    : { order: { ...order, status: 'CANCELLED', closedAt }, isRepeat };
}

/** The order as the customer was first told of it, whatever has become of it since. */
export function asPlaced(order: Order): Order {
  const { paidAt: _paidAt, closedAt: _closedAt, ...placed } = order;
  return { ...placed, status: 'PENDING' };
}
