import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../services/payment/config.ts';

const enough = {
  DATABASE_URL: 'mysql://127.0.0.1:3306/',
  NAMESRV_ADDR: '127.0.0.1:9876',
  REDIS_URL: 'redis://127.0.0.1:6379',
  CHANNEL_SECRET: 'sixteen letters!',
};

describe('the payment service’s settings', () => {
  it('need the channel’s secret, and default to the rest', () => {
    expect(loadConfig(enough)).toMatchObject({
      service: { port: 3005, database: { schema: 'millrace_payment' } },
      order: { name: 'order', url: 'http://127.0.0.1:3001', timeoutMs: 2_000 },
      channel: { name: 'third-party', url: 'http://127.0.0.1:3009', timeoutMs: 2_000 },
      callbackUrl: 'http://127.0.0.1:3005/channel-callbacks',
      callbacks: { secret: 'sixteen letters!', toleranceMs: 300_000 },
      query: { delayMs: 10_000, giveUpMs: 900_000 },
    });
  });

  it('name every problem at once, and no secret', () => {
    const bad = {
      ...enough,
      CHANNEL_SECRET: 'hunter2',
      ORDER_URL: 'ftp://order',
      THIRD_PARTY_TIMEOUT_MS: '0',
      CALLBACK_URL: 'http://user:password@payment/',
      CALLBACK_TOLERANCE_MS: 'forever',
      PAYMENT_QUERY_DELAY_MS: '1000000',
    };
    expect(() => loadConfig(bad)).toThrow(
      expect.objectContaining({
        problems: [
          'ORDER_URL is not a URL starting with http:// or https://',
          'THIRD_PARTY_TIMEOUT_MS is "0", it must be an integer from 10 to 60000',
          'CALLBACK_URL must not name a user',
          'CHANNEL_SECRET has 7 characters, it must have at least 16 characters',
          'CALLBACK_TOLERANCE_MS is "forever", it must be an integer from 1000 to 86400000',
          'PAYMENT_QUERY_DELAY_MS is 1000000, it must not exceed PAYMENT_GIVE_UP_MS (900000)',
        ],
      }),
    );
    expect(() => loadConfig({ ...enough, CHANNEL_SECRET: '' })).toThrow(
      'CHANNEL_SECRET is not set',
    );
  });
});
