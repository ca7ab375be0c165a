import { constantArrivalRate } from '../generator/arrivals.ts';
import { defineScenario } from '../scenario.ts';
import { idOf, placeOne } from './buying.ts';
import { allOrders, provePromises } from './promises.ts';
import { behindCustomers, newRun, shop } from './shop-endpoints.ts';

/** The others are closed by their delayed message, so that everything a day brings is in it. */
const payShare = 0.1;

/** Orders for a long time: does memory grow, does anything pile up? */
export const soak = defineScenario<{ run: string }>({
  name: 'soak',
  about: 'orders for half an hour: does memory grow?',
  defaults: { ratePerS: 300, durationS: 1_800, stock: 0, seed: 1 },

  arrivals: ({ ratePerS, durationS }) => constantArrivalRate({ ratePerS, durationS }),
  warmUp: ({ ratePerS }) => [{ fromPerS: ratePerS / 10, toPerS: ratePerS, durationS: 10 }],

  thresholds: () => ({
    'place.p99_ms': '<= 200',
    rss_growth_percent: '<= 5',
    errors: '== 0',
    lost: '== 0',
    duplicated: '== 0',
  }),
  mayWait: behindCustomers,
  backlogs: [
    { group: 'push-on-order-event', topic: 'ORDER_EVENTS' },
    { group: 'stock-on-order-event', topic: 'ORDER_EVENTS' },
    { group: 'order-close-check', topic: 'ORDER_CLOSE_CHECK' },
    { group: 'payment-charge', topic: 'PAYMENT_EVENTS' },
  ],

  serviceEnv: () => ({ order: { ORDER_PAY_TIMEOUT_MS: '60000', ORDER_CLOSE_GRACE_MS: '60000' } }),
  setUp: async () => ({ run: newRun() }),

  flow: ({ ground: { run } }) => {
    return async (visitor) => {
      const id = idOf(visitor, run);
      const orderNo = await placeOne(visitor, id);
      visitor.count('accepted');
      visitor.keep('orders', orderNo);
      if (visitor.random() >= payShare) return;
      await visitor.send(shop.pay, { idempotencyKey: `${id}-pay`, body: { orderNo } });
    };
  },

  persisted: () => allOrders,
  prove: ({ query }, kept) =>
    provePromises(query, kept['orders'] ?? [], {
      table: 'millrace_order.orders',
      column: 'order_no',
    }),
});
