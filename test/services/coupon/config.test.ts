import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../services/coupon/config.ts';

const enough = {
  DATABASE_URL: 'mysql://root@127.0.0.1:3306/',
  NAMESRV_ADDR: '127.0.0.1:9876',
  REDIS_URL: 'redis://127.0.0.1:6379',
};

describe('the coupon service’s settings', () => {
  it('default to a port and a schema of its own', () => {
    const { service } = loadConfig(enough);
    expect(service).toMatchObject({ port: 3002, database: { schema: 'millrace_coupon' } });
    expect(service.inbox.redisUrl).toBe('redis://127.0.0.1:6379');
  });

  it('report a missing Redis and expiries the wrong way round together', () => {
    const bad = { ...enough, REDIS_URL: '', INBOX_DONE_EXPIRY_MS: '2000' };
    expect(() => loadConfig(bad)).toThrow(
      expect.objectContaining({
        problems: [
          'REDIS_URL is not set, it must be a URL starting with redis:// or rediss://',
          'INBOX_PROCESSING_EXPIRY_MS is 60000, it must not exceed INBOX_DONE_EXPIRY_MS (2000)',
        ],
      }),
    );
  });
});
