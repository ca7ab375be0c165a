import { beforeEach, describe, expect, it } from '@jest/globals';
import { MqError, type Admin } from '../../../../services/common/mq.module.ts';
import { DeadLetters } from '../../../../services/storefront/queues/dead-letters.ts';

const group = 'coupon-on-order-paid';

/** What the broker was asked to give back, and how often somebody was told that it has. */
let redriven: unknown[];
let toldCount: number;
/** What the broker says of each. */
let results: object[];
let pages: unknown[];
let failure: MqError | undefined;
let deadLetters: DeadLetters;

beforeEach(() => {
  redriven = [];
  toldCount = 0;
  results = [{ status: 'REDRIVEN' }];
  pages = [];
  failure = undefined;
  const letter = {
    offsetMsgId: 'at A',
    msgId: 'A',
    keys: ['order-1'],
    tags: 'Paid',
    properties: new Map([['DLQ_REASON', 'connect ECONNREFUSED 127.0.0.1:3306']]),
    storeTimestamp: 0,
    body: Buffer.from('{}'),
  };
  const admin = {
    dlq: async (...asked: unknown[]) => {
      if (failure !== undefined) throw failure;
      pages.push(asked);
      return [letter];
    },
    dlqCount: async () => 312,
    redriveDlq: async (_group: string, ...asked: unknown[]) => {
      if (failure !== undefined) throw failure;
      const given = results;
      // Another request comes before the broker has answered.
      await new Promise(setImmediate);
      redriven.push(asked.filter((each) => each !== undefined));
      if (asked[0] === 'all') results = [];
      return given;
    },
  };
  deadLetters = new DeadLetters(
    admin as unknown as Pick<Admin, 'dlq' | 'dlqCount' | 'redriveDlq'>,
    () => (toldCount += 1),
  );
});

describe('dead letters that are shown', () => {
  it('are a page of the newest, with the number of all', async () => {
    expect(await deadLetters.of(group, 100)).toEqual({
      items: [
        {
          offsetMsgId: 'at A',
          messageId: 'A',
          keys: ['order-1'],
          tag: 'Paid',
          reason: 'connect ECONNREFUSED 127.0.0.1:3306',
          storedAt: '1970-01-01T00:00:00.000Z',
          body: '{}',
        },
      ],
      total: 312,
    });
    expect(pages).toEqual([[group, { order: 'NEWEST_FIRST', skip: 100, maxCount: 50 }]]);
  });

  it('are none of a group that has not consumed anything yet', async () => {
    failure = new MqError('SUBSCRIPTION_GROUP_NOT_EXIST', 'no broker knows it');
    expect(await deadLetters.of(group, 0)).toEqual({ items: [], total: 0 });
    expect(await deadLetters.redrive(group)).toEqual({ redriven: 0, failed: 0 });
  });
});

describe('dead letters that are given back', () => {
  it('are those that were chosen and no others', async () => {
    await deadLetters.redrive(group, ['at A', 'at B']);
    await deadLetters.redrive(group, []);
    expect(redriven).toEqual([[{ offsetMsgIds: ['at A', 'at B'] }], [{ offsetMsgIds: [] }]]);
  });

  it('are all, up to a thousand, when none is chosen, and somebody is told', async () => {
    expect(await deadLetters.redrive(group)).toEqual({ redriven: 1, failed: 0 });
    expect(redriven).toEqual([['all', { maxCount: 1_000 }]]);
    expect(toldCount).toBe(1);
  });

  it('are given back once, also when two ask for all of them at the same time', async () => {
    const both = await Promise.all([deadLetters.redrive(group), deadLetters.redrive(group)]);
    expect(both.map(({ redriven: count }) => count)).toEqual([1, 0]);
  });

  it('are told with those that were not, and why', async () => {
    results = [
      { status: 'REDRIVEN' },
      { status: 'FAILED', error: new MqError('SYSTEM_BUSY', 'the disk is full') },
      { status: 'FAILED', error: new MqError('SYSTEM_BUSY', 'not tried: the disk is full') },
    ];
    expect(await deadLetters.redrive(group)).toEqual({
      redriven: 1,
      failed: 2,
      reason: 'the disk is full',
    });
  });

  it('are asked for in vain while the broker is away, and by what is no id; the next request is none the worse', async () => {
    failure = new MqError('REQUEST_TIMEOUT', 'no answer within 3000 ms');
    await expect(deadLetters.redrive(group)).rejects.toMatchObject({ code: 'BROKER.UNAVAILABLE' });
    failure = new MqError('INVALID_ARGUMENT', 'offsetMsgId is illegal');
    await expect(deadLetters.redrive(group, ['F'])).rejects.toMatchObject({
      code: 'REQUEST.INVALID',
    });
    failure = undefined;
    expect(await deadLetters.redrive(group, ['at A'])).toEqual({ redriven: 1, failed: 0 });
  });

  it('are those of a group of the shop', async () => {
    await expect(deadLetters.redrive('sync-copy')).rejects.toMatchObject({
      code: 'DEAD_LETTERS.NO_GROUP',
    });
    expect(redriven).toEqual([]);
  });
});
