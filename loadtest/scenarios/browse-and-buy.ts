import { rampingArrivalRate } from '../generator/arrivals.ts';
import { defineScenario } from '../scenario.ts';
import { idOf } from './buying.ts';
import { allOrders, provePromises } from './promises.ts';
import { anySku, behindCustomers, newRun, shop } from './shop-endpoints.ts';

/** Of all visitors; who buys has looked around before. */
const buyShare = 0.3;
/** Of those who buy. */
const payShare = 0.7;

/** Customers who look around, place orders and pay for most of them. */
export const browseAndBuy = defineScenario<{ run: string }>({
  name: 'browse-and-buy',
  about: 'customers who look around, place orders and pay for most of them',
  defaults: { ratePerS: 100, durationS: 30, stock: 0, seed: 1 },

  arrivals: ({ ratePerS, durationS }) =>
    rampingArrivalRate({
      startPerS: ratePerS / 10,
      stages: [
        { targetPerS: ratePerS, durationS: durationS * 0.3 },
        { targetPerS: ratePerS, durationS: durationS * 0.5 },
        { targetPerS: ratePerS / 10, durationS: durationS * 0.2 },
      ],
    }),
  warmUp: ({ ratePerS }) => [{ fromPerS: ratePerS / 10, toPerS: ratePerS / 2, durationS: 5 }],

  thresholds: () => ({
    'browse.p99_ms': '<= 100',
    'place.p99_ms': '<= 200',
    'pay.p99_ms': '<= 200',
    errors: '== 0',
    lost: '== 0',
    duplicated: '== 0',
  }),
  mayWait: behindCustomers,
  backlogs: [
    { group: 'payment-charge', topic: 'PAYMENT_EVENTS' },
    { group: 'warehouse-on-order-paid', topic: 'ORDER_EVENTS' },
    { group: 'push-on-order-event', topic: 'ORDER_EVENTS' },
  ],

  setUp: async () => ({ run: newRun() }),

  flow: ({ ground: { run } }) => {
    return async (visitor) => {
      const id = idOf(visitor, run);
      const sku = anySku(visitor.random());
      await visitor.send(shop.browse);
      await visitor.pause(0.2);
      await visitor.send(shop.look, { path: `/stock/${sku}` });
      if (visitor.random() >= buyShare) return;

      await visitor.pause(0.3);
      const quantity = 1 + Math.floor(visitor.random() * 3);
      const placed = await visitor.send(shop.place, {
        idempotencyKey: `${id}-place`,
        body: { userId: `user-${id}`, items: [{ sku, quantity }] },
      });
      const { orderNo } = placed.json() as { orderNo: string };
      visitor.count('accepted');
      visitor.keep('orders', orderNo);
      if (visitor.random() >= payShare) return;

      await visitor.pause(0.2);
      await visitor.send(shop.pay, { idempotencyKey: `${id}-pay`, body: { orderNo } });
      await visitor.send(shop.find, { path: `/orders/${orderNo}` });
    };
  },

  persisted: () => allOrders,
  prove: ({ query }, kept) =>
    provePromises(query, kept['orders'] ?? [], {
      table: 'millrace_order.orders',
      column: 'order_no',
    }),
});
