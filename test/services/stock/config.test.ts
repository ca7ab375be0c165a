import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../services/stock/config.ts';

const enough = {
  DATABASE_URL: 'mysql://root@127.0.0.1:3306/',
  NAMESRV_ADDR: '127.0.0.1:9876',
  REDIS_URL: 'redis://127.0.0.1:6379',
};

describe('the stock service’s settings', () => {
  it('default to a port and a schema of its own, and ask after a reservation in a minute', () => {
    expect(loadConfig(enough)).toMatchObject({
      service: { port: 3004, database: { schema: 'millrace_stock' } },
      reservationCheckDelayMs: 60_000,
      order: { name: 'order', url: 'http://127.0.0.1:3001', timeoutMs: 2_000 },
    });
  });

  it.each(['99', '259200001', '1m'])('refuse a check after %s ms', (value) => {
    expect(() => loadConfig({ ...enough, RESERVATION_CHECK_DELAY_MS: value })).toThrow(
      expect.objectContaining({
        problems: [
          `RESERVATION_CHECK_DELAY_MS is "${value}", it must be an integer from 100 to 259200000`,
        ],
      }),
    );
  });

  it('report all that is wrong together', () => {
    const bad = { ...enough, REDIS_URL: '', ORDER_URL: 'ftp://orders', ORDER_TIMEOUT_MS: '1' };
    expect(() => loadConfig(bad)).toThrow(
      expect.objectContaining({
        problems: [
          'REDIS_URL is not set, it must be a URL starting with redis:// or rediss://',
          'ORDER_URL is not a URL starting with http:// or https://',
          'ORDER_TIMEOUT_MS is "1", it must be an integer from 10 to 60000',
        ],
      }),
    );
  });
});
