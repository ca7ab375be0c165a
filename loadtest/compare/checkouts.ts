import { constantArrivalRate } from '../generator/arrivals.ts';
import { defineScenario, type Endpoint, type Scenario } from '../scenario.ts';
import { idOf, placeOne } from '../scenarios/buying.ts';
import { allOrders, provePromises } from '../scenarios/promises.ts';
import { anySku, behindCustomers, newRun, shop } from '../scenarios/shop-endpoints.ts';

/** What a whole checkout took, from when the customer was due to the last answer. */
export const CHECKOUT_MARK = 'checkout';

const checkOut: Endpoint = {
  name: 'checkout',
  service: 'synchronous',
  method: 'POST',
  path: '/checkouts',
  answers: [201],
};

const common = {
  // What two cores carry, with all that follows from a checkout with the queue.
  defaults: { ratePerS: 10, durationS: 30, stock: 0, seed: 1 },
  arrivals: ({ ratePerS, durationS }: { ratePerS: number; durationS: number }) =>
    constantArrivalRate({ ratePerS, durationS }),
  // The same for both: code that has not run yet is slow in either.
  warmUp: ({ ratePerS }: { ratePerS: number }) => [
    { fromPerS: ratePerS / 4, toPerS: ratePerS, durationS: 30 },
  ],
  backlogs: [],
  setUp: async () => ({ run: newRun() }),
  thresholds: () => ({}),
};

/** A checkout is two requests here: the order is placed, and its payment asked for; both are answered before it is done. */
export const withQueue = defineScenario<{ run: string }>({
  ...common,
  name: 'with-queue',
  about: 'the checkout of the shop',
  mayWait: behindCustomers,
  backlogs: [
    { group: 'payment-charge', topic: 'PAYMENT_EVENTS' },
    { group: 'warehouse-on-order-paid', topic: 'ORDER_EVENTS' },
    { group: 'push-on-order-event', topic: 'ORDER_EVENTS' },
  ],
  flow: ({ ground: { run } }) => {
    return async (visitor) => {
      const id = idOf(visitor, run);
      const orderNo = await placeOne(visitor, id);
      await visitor.send(shop.pay, { idempotencyKey: `${id}-pay`, body: { orderNo } });
      visitor.mark(CHECKOUT_MARK);
      visitor.count('accepted');
      visitor.keep('orders', orderNo);
    };
  },
  persisted: () => allOrders,
  prove: ({ query }, kept) =>
    provePromises(query, kept['orders'] ?? [], {
      table: 'millrace_order.orders',
      column: 'order_no',
    }),
});

/** One request that does everything, of the variant in loadtest/synchronous/. */
export const withoutQueue = defineScenario<{ run: string }>({
  ...common,
  name: 'without-queue',
  about: 'the same checkout, everything done in the request',
  flow: ({ ground: { run } }) => {
    return async (visitor) => {
      const id = idOf(visitor, run);
      const done = await visitor.send(checkOut, {
        idempotencyKey: id,
        body: { userId: `user-${id}`, items: [{ sku: anySku(visitor.random()), quantity: 1 }] },
      });
      visitor.mark(CHECKOUT_MARK);
      visitor.count('accepted');
      visitor.keep('orders', (done.json() as { orderNo: string }).orderNo);
    };
  },
  persisted: () => ({
    countSql: "SELECT COUNT(*) AS count FROM millrace_synchronous.orders WHERE status = 'SHIPPED'",
  }),
  prove: ({ query }, kept) =>
    provePromises(query, kept['orders'] ?? [], {
      table: 'millrace_synchronous.orders',
      column: 'order_no',
    }),
});

/** Where those who send find them. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  [withQueue.name]: withQueue,
  [withoutQueue.name]: withoutQueue,
};
export const compareModule = import.meta.url;
