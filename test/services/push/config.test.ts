import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../services/push/config.ts';

const enough = {
  DATABASE_URL: 'mysql://root@127.0.0.1:3306/',
  NAMESRV_ADDR: '127.0.0.1:9876',
  REDIS_URL: 'redis://127.0.0.1:6379',
};

describe('the push service’s settings', () => {
  it('default to a port and a schema of its own', () => {
    const { service } = loadConfig(enough);
    expect(service).toMatchObject({ port: 3003, database: { schema: 'millrace_push' } });
    expect(service.inbox.redisUrl).toBe('redis://127.0.0.1:6379');
    expect(service.outbox.pollMs).toBe(500);
    expect(service.consumption).toEqual({ maxReconsumeTimes: 16, deadLetterRetryLevel: 5 });
  });

  it('report a missing Redis, and expiries and back-offs the wrong way round, together', () => {
    const bad = {
      ...enough,
      REDIS_URL: '',
      INBOX_DONE_EXPIRY_MS: '2000',
      OUTBOX_MIN_BACKOFF_MS: '5000',
    };
    expect(() => loadConfig(bad)).toThrow(
      expect.objectContaining({
        problems: [
          'REDIS_URL is not set, it must be a URL starting with redis:// or rediss://',
          'INBOX_PROCESSING_EXPIRY_MS is 60000, it must not exceed INBOX_DONE_EXPIRY_MS (2000)',
          'OUTBOX_MIN_BACKOFF_MS is 5000, it must not exceed OUTBOX_MAX_BACKOFF_MS (2000)',
        ],
      }),
    );
  });

  it('refuse a Redis database that is not a number', () => {
    expect(() => loadConfig({ ...enough, REDIS_URL: 'redis://h/inbox' })).toThrow(
      'REDIS_URL names the database "inbox", it must be a number',
    );
    expect(loadConfig({ ...enough, REDIS_URL: 'redis://h/3' }).service.inbox.redisUrl).toBe(
      'redis://h/3',
    );
  });
});
