import { giveBack, buy, type DemoOrder, type Placed } from '../demo/life-of-an-order.ts';
import { planOrders, type OrderPlan } from '../demo/plan.ts';
import type { ShopClient } from '../demo/shop-client.ts';

/** Customers at the same time. */
const customerCount = 6;

/** Customers who come for as long as they are let in, each with an order of the demo's kinds. */
export class Load {
  readonly #shop: ShopClient;
  readonly #plans: Iterator<OrderPlan>;
  #isOpen = false;
  #customers: Promise<DemoOrder[]>[] = [];

  constructor(shop: ShopClient, seed: number) {
    this.#shop = shop;
    this.#plans = endlessPlans(seed);
  }

  open(): void {
    this.#isOpen = true;
    this.#customers = Array.from({ length: customerCount }, () => this.#shopOn());
    // Awaited in `close`; until then a failure must not count as unhandled.
    for (const customer of this.#customers) customer.catch(() => undefined);
  }

  /** Lets nobody in any more, and returns the orders of all who were served, refunds asked for and goods returned. */
  async close(): Promise<DemoOrder[]> {
    this.#isOpen = false;
    const orders = (await Promise.all(this.#customers)).flat();
    return Promise.all(orders.map((order) => giveBack(this.#shop, order)));
  }

  async #shopOn(): Promise<DemoOrder[]> {
    const orders: DemoOrder[] = [];
    const placed: Placed = new Map();
    while (this.#isOpen) {
      orders.push(await buy(this.#shop, this.#plans.next().value as OrderPlan, placed, true));
    }
    return orders;
  }
}

/** The demo's plans, over and over, under new seeds. Nobody uses another's coupon: he may not have bought yet. */
function* endlessPlans(seed: number): Generator<OrderPlan, never> {
  for (let round = 0; ; round += 1) {
    for (const plan of planOrders((seed + round) % 2 ** 32)) yield { ...plan, couponOf: undefined };
  }
}
