import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Admin } from '../../../../services/common/mq.module.ts';
import { DeadLetters } from '../../../../services/storefront/queues/dead-letters.ts';

const group = 'coupon-on-order-paid';

/** What the broker was asked to give back. */
let redriven: unknown[];
let deadLetters: DeadLetters;

beforeEach(() => {
  redriven = [];
  const letters = ['A', 'B'].map((msgId) => ({ msgId, offsetMsgId: `at ${msgId}` }));
  const admin = {
    dlq: async () => letters,
    redriveDlq: async (_group: string, ...asked: unknown[]) => {
      redriven.push(asked.filter((each) => each !== undefined));
      return [{ status: 'REDRIVEN' }];
    },
  };
  deadLetters = new DeadLetters(admin as unknown as Pick<Admin, 'dlq' | 'redriveDlq'>);
});

describe('dead letters that are given back', () => {
  it('are those that were chosen and no others, also when they are all that was listed', async () => {
    await deadLetters.redrive(group, ['A', 'B', 'unknown']);
    await deadLetters.redrive(group, ['B']);
    expect(redriven).toEqual([[{ offsetMsgIds: ['at A', 'at B'] }], [{ offsetMsgIds: ['at B'] }]]);
  });

  it('are all, up to a thousand, when none is chosen', async () => {
    expect(await deadLetters.redrive(group)).toBe(1);
    expect(redriven).toEqual([['all', { maxCount: 1_000 }]]);
  });

  it('are those of a group of the shop', async () => {
    await expect(deadLetters.redrive('sync-copy')).rejects.toMatchObject({
      code: 'DEAD_LETTERS.NO_GROUP',
    });
    expect(redriven).toEqual([]);
  });
});
