import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { resetTarget, type ResetQueue, type ResetWish } from '../../../mq/broker/reset-target.ts';
import { plays } from '../../support/plays.ts';

/** Entries 3 to 9, stored at 300 to 900. */
const queue: ResetQueue = {
  queueId: 1,
  minOffset: 3,
  maxOffset: 10,
  consumerOffset: 6,
  offsetByTime: (timestampMs) => Math.min(10, Math.max(3, Math.ceil(timestampMs / 100))),
};
const wish = (fields: Partial<ResetWish>): ResetWish => ({
  queueOffset: undefined,
  timestampMs: 0,
  isForced: true,
  ...fields,
});

describe('where a group is sent', () => {
  it('is the first message of that time or after it', () => {
    expect(resetTarget(wish({ timestampMs: 450 }), queue)).toBe(5);
    expect(resetTarget(wish({ timestampMs: 0 }), queue)).toBe(3);
    expect(resetTarget(wish({ timestampMs: 5_000 }), queue)).toBe(10);
  });

  it('is the end for any time below 0', () => {
    expect(resetTarget(wish({ timestampMs: -1 }), queue)).toBe(10);
    expect(resetTarget(wish({ timestampMs: -7 }), queue)).toBe(10);
  });

  it('is the offset that is asked for, the end included', () => {
    for (const queueOffset of [3, 7, 10]) {
      expect(resetTarget(wish({ queueOffset }), queue)).toBe(queueOffset);
    }
  });

  it.each([2, -1, -2, 11])('is not offset %d, which the queue does not have', (queueOffset) => {
    expect(() => resetTarget(wish({ queueOffset }), queue)).toThrow(
      `Target offset ${queueOffset} not in consume queue range [3-10]`,
    );
  });

  it('is backwards only without force, and anywhere for a group that has no progress', () => {
    const isForced = false;
    expect(resetTarget(wish({ timestampMs: 450, isForced }), queue)).toBe(5);
    expect(resetTarget(wish({ timestampMs: 600, isForced }), queue)).toBeUndefined();
    expect(resetTarget(wish({ timestampMs: -1, isForced }), queue)).toBeUndefined();
    const without = { ...queue, consumerOffset: undefined };
    expect(resetTarget(wish({ timestampMs: -1, isForced }), without)).toBe(10);
  });

  it('is always within the queue', () => {
    fc.assert(
      fc.property(fc.integer({ min: -10, max: 2_000 }), fc.boolean(), (timestampMs, isForced) => {
        const target = resetTarget(wish({ timestampMs, isForced }), queue) ?? 6;
        expect(target).toBeGreaterThanOrEqual(3);
        expect(target).toBeLessThanOrEqual(isForced ? 10 : 6);
      }),
      plays(),
    );
  });
});
