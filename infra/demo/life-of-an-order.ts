import type { OrderPlan } from './plan.ts';
import type { ShopClient } from './shop-client.ts';

/** An order of the demo, and what its customer knows of it. */
export interface DemoOrder {
  plan: OrderPlan;
  orderNo: string;
  /** The customer was told that the payment is under way. */
  paymentNo?: string;
  /** The customer was told that the refund has begun. */
  refundNo?: string;
}

/** Numbers of orders that were placed, by their number in the plan: for those who pay with somebody's coupon. */
export type Placed = Map<number, Promise<string>>;

/**
 * Places the order of a plan and pays for it, unless it is to be left alone.
 *
 * `mayBeLate`: where the shop may be away for longer than an order has to be paid. One that is closed by then is left alone.
 */
export async function buy(
  shop: ShopClient,
  plan: OrderPlan,
  placed: Placed,
  mayBeLate = false,
): Promise<DemoOrder> {
  const { userId, items, isImpatient, couponOf } = plan;
  const giver = couponOf === undefined ? undefined : await placed.get(couponOf);
  const couponCode = giver === undefined ? undefined : await shop.couponOf(giver);
  const placing = shop.place(
    { userId, items, ...(couponCode === undefined ? {} : { couponCode }) },
    isImpatient,
  );
  placed.set(plan.number, placing);
  const orderNo = await placing;
  if (plan.kind === 'unpaid') return { plan, orderNo };
  if (!mayBeLate) return { plan, orderNo, paymentNo: await shop.pay(orderNo, isImpatient) };
  const paymentNo = await shop.payInTime(orderNo, isImpatient);
  return paymentNo === undefined
    ? { plan: { ...plan, kind: 'unpaid' }, orderNo }
    : { plan, orderNo, paymentNo };
}

/** Gives an order back that was to be refunded; the same order otherwise. */
export async function giveBack(shop: ShopClient, order: DemoOrder): Promise<DemoOrder> {
  const { plan, orderNo, paymentNo } = order;
  if (paymentNo === undefined || !plan.kind.startsWith('refunded')) return order;
  if (plan.kind === 'refunded-by-a-failing-channel') await shop.failRefundsOf(paymentNo, 2);
  const isBefore = plan.kind === 'refunded-before-shipping';
  const due = isBefore ? ['PAID', 'SHIPPED'] : ['SHIPPED'];
  const { status } = await shop.untilOrderIs(orderNo, ...due, 'CANCELLED');
  // The payment came too late, and its money goes back by itself.
  if (status === 'CANCELLED') return order;
  return { ...order, refundNo: await refundAndReturn(shop, order) };
}

/** Asks for the refund; should the parcel have left, the goods come back and the warehouse says so. */
async function refundAndReturn(shop: ShopClient, { plan, orderNo }: DemoOrder): Promise<string> {
  const piece = plan.items[0]!;
  const items = plan.isPartial ? [{ sku: piece.sku, quantity: 1 }] : undefined;
  const refundNo = await shop.refund(orderNo, items);
  await shop.bringBack(orderNo, refundNo);
  return refundNo;
}
