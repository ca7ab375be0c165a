import type { ServiceName } from '../audit/schemas.ts';

/** Settings of a service by name, beside those that all of them get. */
export type ServiceEnv = Partial<Record<ServiceName, Readonly<Record<string, string>>>>;

/**
 * How long a broker of ours takes for what takes its time in production: retries come after seconds, and a transaction that
 * nobody has ended is asked after within two, for people who watch; or as RocketMQ has it.
 */
export type Pace = 'hurried' | 'production';

/** What a hurried broker of ours is told beside the rest, by the names of its settings. */
export const hurriedBroker = {
  messageDelayLevel: '1s 1s 1s 1s 1s 2s 2s 2s 3s 3s 3s 5s 5s 5s 5s 10s 10s 10s',
  transactionTimeOut: 1_000,
  transactionCheckInterval: 1_000,
};

/**
 * Half an hour, a minute between two tries of a dead letter, and sixteen retries are for production. The third party fails
 * now and then; a payment it has not called back about is asked after within 2 s.
 */
export function hurriedServices(isOwnCluster: boolean, seed: number): ServiceEnv {
  const checks = { RESERVATION_CHECK_DELAY_MS: '10000', DEAD_LETTER_RETRY_LEVEL: '1' };
  return {
    order: { ORDER_PAY_TIMEOUT_MS: '12000', ORDER_CLOSE_GRACE_MS: '60000' },
    // A cluster that was given has its own pauses: 10 s, then 30 s.
    coupon: {
      ...checks,
      MAX_RECONSUME_TIMES: isOwnCluster ? '2' : '1',
    },
    stock: checks,
    payment: { PAYMENT_QUERY_DELAY_MS: '2000' },
    warehouse: { PACKING_MS: '4000' },
    // The crowd of the shop page comes through one process, each customer with an address of his own.
    flashsale: { TRUST_PROXY: '1' },
    'third-party': {
      THIRD_PARTY_SEED: String(seed),
      CHANNEL_DUPLICATE_CALLBACK_RATE: '0.2',
      CHANNEL_LOST_CALLBACK_RATE: '0.05',
      CHANNEL_ERROR_RATE: isOwnCluster ? '0.05' : '0',
      CARRIER_ERROR_RATE: isOwnCluster ? '0.1' : '0',
    },
  };
}
