import { setTimeout as delay } from 'node:timers/promises';
import { ArrivalSchedule, constantArrivalRate } from '../generator/arrivals.ts';
import { defineScenario, type Stage } from '../scenario.ts';
import { findAll, provePromises } from './promises.ts';
import { behindCustomers, newRun, shop, skus } from './shop-endpoints.ts';

interface Ground {
  readonly run: string;
  /** Paid, one for each visitor. */
  readonly orderNos: readonly string[];
}

/** Orders that are placed and paid for at the same time before the storm. */
const parallel = 8;
const paidTimeoutMs = 300_000;

const refunds = { table: 'millrace_order.order_refunds', column: 'refund_no' };

/** Paid orders are given back, all at the same time: each refund is six steps in six services. */
export const refundStorm = defineScenario<Ground>({
  name: 'refund-storm',
  about: 'paid orders are given back, all at the same time',
  defaults: { ratePerS: 40, durationS: 15, stock: 0, seed: 1 },

  arrivals: ({ ratePerS, durationS }) => constantArrivalRate({ ratePerS, durationS }),

  thresholds: () => ({
    'refund.p99_ms': '<= 200',
    errors: '== 0',
    lost: '== 0',
    duplicated: '== 0',
  }),
  mayWait: behindCustomers,
  backlogs: [
    { group: 'refund-on-order-event', topic: 'ORDER_EVENTS' },
    { group: 'refund-on-step-result', topic: 'REFUND_STEP_RESULTS' },
    { group: 'payment-on-return-money-due', topic: 'REFUND_EVENTS' },
    { group: 'order-on-refund-completed', topic: 'REFUND_EVENTS' },
  ],

  // No parcel leaves before the storm: goods that have left have to come back first.
  serviceEnv: () => ({ warehouse: { PACKING_MS: '600000' } }),

  async setUp(stage, flags) {
    const run = newRun();
    const { count } = new ArrivalSchedule(refundStorm.arrivals(flags));
    const orderNos: string[] = [];
    let next = 0;
    const buyer = async (): Promise<void> => {
      for (let number = next++; number < count; number = next++) {
        orderNos.push(await buyOne(stage, `${run}-${number}`, skus[number % skus.length]!));
      }
    };
    await Promise.all(Array.from({ length: parallel }, buyer));
    await untilPaid(stage, orderNos);
    return { run, orderNos };
  },

  flow: ({ ground: { run, orderNos } }) => {
    return async (visitor) => {
      const answer = await visitor.send(shop.refund, {
        path: `/orders/${orderNos[visitor.number]}/refunds`,
        idempotencyKey: `${run}-${visitor.number}-refund`,
        body: {},
      });
      const { refundNo } = answer.json() as { refundNo: string };
      visitor.count('accepted');
      visitor.keep('refunds', refundNo);
    };
  },

  persisted: () => ({ countSql: `SELECT COUNT(*) AS count FROM ${refunds.table}` }),
  prove: ({ query }, kept) =>
    provePromises(query, kept['refunds'] ?? [], { ...refunds, where: 'completed_at IS NOT NULL' }),
});

async function buyOne(stage: Stage, id: string, sku: string): Promise<string> {
  const { orderNo } = await stage.call<{ orderNo: string }>(
    'POST',
    'order',
    '/orders',
    { userId: `user-${id}`, items: [{ sku, quantity: 1 }] },
    `${id}-place`,
  );
  await stage.call('POST', 'payment', '/payments', { orderNo }, `${id}-pay`);
  return orderNo;
}

async function untilPaid(stage: Stage, orderNos: readonly string[]): Promise<void> {
  const paid = { table: 'millrace_order.orders', column: 'order_no', where: "status = 'PAID'" };
  const deadline = performance.now() + paidTimeoutMs;
  for (;;) {
    const { size } = await findAll(stage.query, paid, orderNos);
    if (size === orderNos.length) return;
    if (performance.now() > deadline) {
      throw new Error(
        `${size} of ${orderNos.length} orders are paid for after ${paidTimeoutMs / 1_000} s`,
      );
    }
    await delay(500);
  }
}
