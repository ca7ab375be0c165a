import { constantArrivalRate } from '../generator/arrivals.ts';
import { defineScenario } from '../scenario.ts';
import { idOf, placeOne } from './buying.ts';
import { allOrders, provePromises } from './promises.ts';
import { behindCustomers, newRun, shop } from './shop-endpoints.ts';

/** Orders are paid for as soon as they are placed, and the channel takes its 200 ms for each: nobody waits for it. */
export const payStorm = defineScenario<{ run: string }>({
  name: 'pay-storm',
  about: 'orders are paid for at a constant rate, the third party takes 200 ms',
  defaults: { ratePerS: 40, durationS: 30, stock: 0, seed: 1 },

  arrivals: ({ ratePerS, durationS }) => constantArrivalRate({ ratePerS, durationS }),
  warmUp: ({ ratePerS }) => [{ fromPerS: ratePerS / 10, toPerS: ratePerS, durationS: 5 }],

  thresholds: () => ({
    'place.p99_ms': '<= 200',
    'pay.p99_ms': '<= 200',
    errors: '== 0',
    lost: '== 0',
    duplicated: '== 0',
  }),
  mayWait: behindCustomers,
  backlogs: [
    { group: 'payment-charge', topic: 'PAYMENT_EVENTS' },
    { group: 'order-on-payment-succeeded', topic: 'PAYMENT_EVENTS' },
    { group: 'warehouse-on-order-paid', topic: 'ORDER_EVENTS' },
  ],

  serviceEnv: () => ({ 'third-party': { CHANNEL_LATENCY_MS: '200', CARRIER_LATENCY_MS: '200' } }),
  setUp: async () => ({ run: newRun() }),

  flow: ({ ground: { run } }) => {
    return async (visitor) => {
      const id = idOf(visitor, run);
      const orderNo = await placeOne(visitor, id);
      const paid = await visitor.send(shop.pay, {
        idempotencyKey: `${id}-pay`,
        body: { orderNo },
      });
      const { paymentNo } = paid.json() as { paymentNo: string };
      visitor.count('accepted');
      visitor.keep('payments', paymentNo);
    };
  },

  persisted: () => allOrders,
  // Nobody declines here, and what is accepted must have been paid when all has come to rest.
  prove: ({ query }, kept) =>
    provePromises(query, kept['payments'] ?? [], {
      table: 'millrace_order.orders',
      column: 'payment_no',
      where: "status NOT IN ('PENDING', 'CANCELLED')",
    }),
});
