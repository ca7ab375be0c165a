import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../services/coupon/config.ts';

const enough = {
  DATABASE_URL: 'mysql://root@127.0.0.1:3306/',
  NAMESRV_ADDR: '127.0.0.1:9876',
  REDIS_URL: 'redis://127.0.0.1:6379',
};

describe('the coupon service’s settings', () => {
  it('default to a port and a schema of its own, a minute, and the order service next door', () => {
    const { service, ...others } = loadConfig(enough);
    expect(service).toMatchObject({ port: 3002, database: { schema: 'millrace_coupon' } });
    expect(service.inbox.redisUrl).toBe('redis://127.0.0.1:6379');
    expect(others).toEqual({
      reservationCheckDelayMs: 60_000,
      order: { name: 'order', url: 'http://127.0.0.1:3001', timeoutMs: 2_000 },
    });
  });

  it('may name another delay and another order service', () => {
    const env = { ...enough, RESERVATION_CHECK_DELAY_MS: '100', ORDER_URL: 'http://orders:80/' };
    expect(loadConfig(env)).toMatchObject({
      reservationCheckDelayMs: 100,
      order: { url: 'http://orders' },
    });
  });

  it('report a missing Redis, expiries the wrong way round and a bad peer together', () => {
    const bad = {
      ...enough,
      REDIS_URL: '',
      INBOX_DONE_EXPIRY_MS: '2000',
      RESERVATION_CHECK_DELAY_MS: '99',
      ORDER_URL: 'ftp://orders',
      ORDER_TIMEOUT_MS: '0',
    };
    expect(() => loadConfig(bad)).toThrow(
      expect.objectContaining({
        problems: [
          'REDIS_URL is not set, it must be a URL starting with redis:// or rediss://',
          'INBOX_PROCESSING_EXPIRY_MS is 60000, it must not exceed INBOX_DONE_EXPIRY_MS (2000)',
          'RESERVATION_CHECK_DELAY_MS is "99", it must be an integer from 100 to 259200000',
          'ORDER_URL is not a URL starting with http:// or https://',
          'ORDER_TIMEOUT_MS is "0", it must be an integer from 10 to 60000',
        ],
      }),
    );
  });
});
