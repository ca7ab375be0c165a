import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../services/third-party/config.ts';

const enough = {
  DATABASE_URL: 'mysql://root@127.0.0.1:3306/',
  CHANNEL_SECRET: 'sixteen letters!',
};

describe('the third party’s settings', () => {
  it('need a database and a secret, no broker, and behave well by default', () => {
    const config = loadConfig(enough);
    expect(config.service).toMatchObject({
      port: 3009,
      database: { schema: 'millrace_third_party' },
    });
    expect(config.channelSecret).toBe('sixteen letters!');
    expect(config.callbackBackoff).toEqual({ minMs: 200, maxMs: 10_000 });
    expect(config.behaviour).toEqual({
      channel: {
        latencyMs: 200,
        errorRate: 0,
        lostAnswerRate: 0,
        declineRate: 0,
        duplicateCallbackRate: 0,
        lateCallbackMs: 0,
        lostCallbackRate: 0,
        failNextRefunds: 0,
        failRefundsOf: {},
      },
      carrier: { latencyMs: 200, errorRate: 0, lostAnswerRate: 0, failNextShipments: 0 },
    });
  });

  it('draw a seed unless one is given', () => {
    expect(loadConfig({ ...enough, THIRD_PARTY_SEED: '4711' }).seed).toBe(4_711);
    expect(loadConfig(enough).seed).not.toBe(loadConfig(enough).seed);
  });

  it('read every misbehaviour', () => {
    const { behaviour } = loadConfig({
      ...enough,
      CHANNEL_DECLINE_RATE: '0.25',
      CHANNEL_ERROR_RATE: '1',
      CHANNEL_LATE_CALLBACK_MS: '3000',
      CHANNEL_FAIL_NEXT_REFUNDS: '2',
      CARRIER_LATENCY_MS: '0',
      CARRIER_FAIL_NEXT_SHIPMENTS: '3',
    });
    expect(behaviour).toMatchObject({
      channel: { declineRate: 0.25, errorRate: 1, lateCallbackMs: 3_000, failNextRefunds: 2 },
      carrier: { latencyMs: 0, failNextShipments: 3 },
    });
  });

  it('report every problem at once, and no secret', () => {
    const bad = {
      CHANNEL_SECRET: 'hunter2',
      CHANNEL_CALLBACK_MIN_BACKOFF_MS: '20000',
      THIRD_PARTY_SEED: '-1',
      CHANNEL_LATENCY_MS: '600001',
      CHANNEL_ERROR_RATE: '1.5',
      CARRIER_LOST_ANSWER_RATE: '50%',
    };
    expect(() => loadConfig(bad)).toThrow(
      expect.objectContaining({
        problems: [
          'DATABASE_URL is not set, it must be a URL starting with mysql:// or mariadb://',
          'CHANNEL_SECRET has 7 characters, it must have at least 16 characters',
          'CHANNEL_CALLBACK_MIN_BACKOFF_MS is 20000, it must not exceed CHANNEL_CALLBACK_MAX_BACKOFF_MS (10000)',
          'THIRD_PARTY_SEED is "-1", it must be an integer from 0 to 4294967295',
          'CHANNEL_LATENCY_MS is "600001", it must be an integer from 0 to 600000',
          'CHANNEL_ERROR_RATE is "1.5", it must be a number from 0 to 1, as 0.25',
          'CARRIER_LOST_ANSWER_RATE is "50%", it must be a number from 0 to 1, as 0.25',
        ],
      }),
    );
  });
});
