import { signCustomerToken } from '@millrace/services/contracts/customer-token';
import { constantArrivalRate } from '../generator/arrivals.ts';
import { defineScenario, type Endpoint, type Stage } from '../scenario.ts';
import { proveFlashSale } from './flash-sale-proof.ts';
import { behindCustomers } from './shop-endpoints.ts';

interface Ground {
  readonly saleId: string;
  /** Another sale, on which the gate and the keeper warm up. */
  readonly warmUpSaleId: string;
  readonly run: string;
}

const sku = 'KETTLE-STEEL';
/** Every so manieth visitor is the one before, who has another try: a piece each is the limit. */
const sameUserEvery = 500;
/** Every so manieth clicks twice. */
const twiceEvery = 250;
const saleS = 3_600;

const buy: Endpoint = {
  name: 'buy',
  service: 'flashsale',
  method: 'POST',
  path: '/flash-sales/:saleId/orders',
  // Admitted; sold out, or this user has bought already.
  answers: [202, 409],
};

/** Everybody at once, on a stock far smaller than they are many. */
export const flashSale = defineScenario<Ground>({
  name: 'flash-sale',
  about: 'everybody at once, on a stock far smaller than they are many',
  defaults: { ratePerS: 10_000, durationS: 30, stock: 1_000, seed: 1 },

  arrivals: ({ ratePerS, durationS }) => constantArrivalRate({ ratePerS, durationS }),
  warmUp: ({ ratePerS }) => [{ fromPerS: ratePerS / 20, toPerS: ratePerS / 2, durationS: 5 }],

  thresholds: ({ ratePerS }) => ({
    answered_per_s: `>= ${ratePerS * 0.99}`,
    p99_ms: '<= 50',
    errors: '== 0',
    oversold: '== 0',
    lost: '== 0',
    duplicated: '== 0',
  }),
  backlogs: [{ group: 'flashsale-place-orders', topic: 'FLASH_ORDERS' }],

  // All come from one address, that of the generator; a user's own limit stays.
  serviceEnv: () => ({ flashsale: { FLASHSALE_ADDRESS_RATE_PER_S: '0' } }),

  // All but the gate, Redis and the broker: that orders come to be later, as many as there is time for, is what the queue is
  // there for.
  mayWait: [
    'order',
    'stock',
    'coupon',
    'payment',
    'mariadb',
    ...behindCustomers.filter((service) => service !== 'flashsale'),
  ],

  connectsBefore: 'flashsale',

  async setUp(stage, { stock }) {
    return {
      saleId: await openSale(stage, stock),
      warmUpSaleId: await openSale(stage, 500),
      run: Date.now().toString(36),
    };
  },

  flow({ ground, customerTokenSecret: secret, beforehand }) {
    const expiresAtS = Math.floor(Date.now() / 1_000) + saleS;
    const tokenOf = beforehand((number) => {
      const isSameUser = number % sameUserEvery === sameUserEvery - 1;
      const userId = `${ground.run}-${isSameUser ? number - 1 : number}`;
      return signCustomerToken({ userId, expiresAtS }, secret);
    });
    return async (visitor) => {
      const saleId = visitor.isWarmUp ? ground.warmUpSaleId : ground.saleId;
      const request = { path: `/flash-sales/${saleId}/orders`, bearer: tokenOf(visitor.number) };
      const clicks = visitor.number % twiceEvery === 0 ? 2 : 1;
      for (let click = 0; click < clicks; click += 1) {
        const answer = await visitor.send(buy, request);
        if (answer.status === 409) continue;
        const { ticketNo } = answer.json() as { ticketNo: string };
        visitor.count('accepted');
        visitor.keep('tickets', ticketNo);
      }
    };
  },

  persisted: ({ saleId }) => ({
    countSql: 'SELECT COUNT(*) AS count FROM millrace_order.orders WHERE sale_id = ?',
    values: [saleId],
  }),
  prove: ({ query }, kept, { saleId }, { stock }) =>
    proveFlashSale(query, kept['tickets'] ?? [], saleId, stock),
});

async function openSale(stage: Stage, stock: number): Promise<string> {
  const now = Date.now();
  const { saleId } = await stage.call<{ saleId: string }>('POST', 'flashsale', '/flash-sales', {
    sku,
    stock,
    perUserLimit: 1,
    startsAt: new Date(now - 1_000).toISOString(),
    endsAt: new Date(now + saleS * 1_000).toISOString(),
  });
  return saleId;
}
