import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../services/flashsale/config.ts';

const enough = {
  DATABASE_URL: 'mysql://root@127.0.0.1:3306/',
  NAMESRV_ADDR: '127.0.0.1:9876',
  REDIS_URL: 'redis://127.0.0.1:6379',
  CUSTOMER_TOKEN_SECRET: 'at-least-16-characters',
};

describe('the flash sale service’s settings', () => {
  it('default to a port and a schema of its own, to both roles in one process, and to bounded rates', () => {
    expect(loadConfig(enough)).toMatchObject({
      service: { port: 3010, database: { schema: 'millrace_flashsale' } },
      role: 'all',
      gateProcessCount: 1,
      gate: {
        userRate: { ratePerS: 5, burst: 10 },
        addressRate: { ratePerS: 200, burst: 400 },
        isBehindProxy: false,
        sendTimeoutMs: 3_000,
      },
      keeper: { pendingTimeoutMs: 10_000, batchCount: 256, ordersPerS: 0, targetBatchMs: 500 },
      stock: { name: 'stock', url: 'http://127.0.0.1:3004' },
    });
  });

  it('report all that is wrong together, and never quote the secret', () => {
    const bad = {
      ...enough,
      CUSTOMER_TOKEN_SECRET: 'short',
      FLASHSALE_ROLE: 'guard',
      FLASHSALE_GATE_PROCESSES: '0',
      FLASHSALE_USER_BURST: '0',
      TRUST_PROXY: 'yes',
      FLASHSALE_BATCH_COUNT: '257',
    };
    expect(() => loadConfig(bad)).toThrow(
      expect.objectContaining({
        problems: [
          'FLASHSALE_ROLE is "guard", it must be one of gate, keeper, all',
          'FLASHSALE_GATE_PROCESSES is "0", it must be an integer from 1 to 64',
          'CUSTOMER_TOKEN_SECRET has 5 characters, it must have at least 16 characters',
          'FLASHSALE_USER_BURST is "0", it must be an integer from 1 to 1000000',
          'TRUST_PROXY is "yes", it must be one of 0, 1',
          'FLASHSALE_BATCH_COUNT is "257", it must be an integer from 1 to 256',
        ],
      }),
    );
  });

  it('refuse to give tickets up while their messages are sent, and gates beside a lone keeper', () => {
    const bad = {
      ...enough,
      FLASHSALE_SEND_TIMEOUT_MS: '6000',
      FLASHSALE_ROLE: 'keeper',
      FLASHSALE_GATE_PROCESSES: '2',
    };
    expect(() => loadConfig(bad)).toThrow(
      expect.objectContaining({
        problems: [
          'FLASHSALE_SEND_TIMEOUT_MS is 6000, twice that must not exceed FLASHSALE_PENDING_TIMEOUT_MS ' +
            '(10000): tickets would be given up while their messages are sent',
          'FLASHSALE_GATE_PROCESSES is 2, a keeper (FLASHSALE_ROLE) has no gates',
        ],
      }),
    );
  });
});
