import { setTimeout as delay } from 'node:timers/promises';
import type { Audit, OrderWay } from '../audit.ts';
import { Buyer, type OrderPlan } from './buyer.ts';
import type { ServiceUrls } from './services.ts';

/** Placed at first: all but every fourth are paid at once. */
const firstPlans: readonly OrderPlan[] = Array.from({ length: 17 }, (_, index) => ({
  number: index + 1,
  isPaid: index % 4 !== 2 || index === 16,
  isImpatient: index % 4 === 3,
}));

/** Placed and paid while coupons cannot be issued. */
const latePlans: readonly OrderPlan[] = [18, 19, 20].map((number) => ({
  number,
  isPaid: true,
  isImpatient: number === 20,
}));

/** Buyers at the same time. */
const buyerCount = 4;
/** A broken run ends here; a good one takes some seconds, on an official broker with its longer pauses some more. */
const effectsTimeoutMs = 120_000;

/** What the demo's orders were to become. */
export interface PlacedOrders {
  paid: readonly string[];
  unpaid: readonly string[];
}

/** What happens while orders are being placed. */
export interface Onlooker {
  /** Its buyer goes on when this resolves. */
  onPlaced: (count: number) => Promise<void>;
  onRefused: () => void;
}

/** Most of the demo's orders, four buyers at a time. */
export function placeFirstOrders(urls: ServiceUrls, onlooker: Onlooker): Promise<PlacedOrders> {
  return placeOrders(urls, firstPlans, onlooker);
}

/** The orders whose coupons will fail. */
export function placeLateOrders(urls: ServiceUrls): Promise<PlacedOrders> {
  return placeOrders(urls, latePlans, {
    onPlaced: () => Promise.resolve(),
    onRefused: () => undefined,
  });
}

async function placeOrders(
  urls: ServiceUrls,
  plans: readonly OrderPlan[],
  onlooker: Onlooker,
): Promise<PlacedOrders> {
  const buyer = new Buyer(urls, onlooker.onRefused);
  const paid: string[] = [];
  const unpaid: string[] = [];
  const waiting = [...plans];
  const buy = async (): Promise<void> => {
    for (let plan = waiting.shift(); plan !== undefined; plan = waiting.shift()) {
      const orderNo = await buyer.place(plan);
      (plan.isPaid ? paid : unpaid).push(orderNo);
      await onlooker.onPlaced(paid.length + unpaid.length);
      if (plan.isPaid) await buyer.pay(orderNo, plan);
    }
  };
  await Promise.all(Array.from({ length: buyerCount }, buy));
  return { paid, unpaid };
}

/** Waits until the databases hold what is asked of these orders, or for so long that it must be lost. */
export async function waitForWays(
  audit: Audit,
  orderNos: readonly string[],
  isThere: (way: OrderWay) => boolean,
): Promise<OrderWay[]> {
  const deadline = performance.now() + effectsTimeoutMs;
  for (;;) {
    const ways = await audit.ways(orderNos);
    if (ways.every(isThere) || performance.now() > deadline) return ways;
    await delay(50);
  }
}

export const hasCoupon = ({ effects }: OrderWay): boolean => effects.has('coupon');
export const isClosed = ({ order }: OrderWay): boolean => order?.status === 'CANCELLED';
export const isComplete = ({ lost }: OrderWay): boolean => lost.length === 0;
