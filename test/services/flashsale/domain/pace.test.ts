import { beforeEach, describe, expect, it } from '@jest/globals';
import { Pace } from '../../../../services/flashsale/domain/pace.ts';

let nowMs: number;

beforeEach(() => {
  nowMs = 1_000;
});

const pace = (ordersPerS = 0): Pace =>
  new Pace({ batchCount: 256, ordersPerS, targetBatchMs: 500 }, () => nowMs);

describe('how large batches are', () => {
  it('is as large as may be while the database is fast', () => {
    const fast = pace();
    for (let batch = 0; batch < 5; batch++) {
      expect(fast.batchCount).toBe(256);
      expect(fast.begin(256)).toBe(0);
      fast.end(500);
    }
  });

  it('is halved when a batch takes too long, down to a quarter, and grows step by step when it does not', () => {
    const slow = pace();
    slow.end(501);
    expect(slow.batchCount).toBe(128);
    slow.end(501);
    slow.end(501);
    expect(slow.batchCount).toBe(64);
    slow.end(100);
    expect(slow.batchCount).toBe(80);
    for (let batch = 0; batch < 20; batch++) slow.end(100);
    expect(slow.batchCount).toBe(256);
  });

  it('is never less than one', () => {
    const single = new Pace({ batchCount: 1, ordersPerS: 0, targetBatchMs: 10 }, () => nowMs);
    single.end(1_000);
    expect(single.batchCount).toBe(1);
  });
});

describe('when a batch may begin', () => {
  it('is later by as much as the last one was late, for a second at most', () => {
    const slow = pace();
    slow.end(700);
    expect(slow.begin(128)).toBe(200);
    slow.end(60_000);
    expect(slow.begin(64)).toBe(1_000);
    slow.end(100);
    expect(slow.begin(80)).toBe(0);
  });

  it('keeps to the orders a second, over all queues together', () => {
    const capped = pace(1_000);
    expect(capped.begin(250)).toBe(0);
    expect(capped.begin(250)).toBe(250);
    expect(capped.begin(100)).toBe(500);
    nowMs += 600;
    expect(capped.begin(1)).toBe(0);
  });

  it('saves nothing up while nobody comes', () => {
    const capped = pace(100);
    nowMs += 3_600_000;
    expect(capped.begin(100)).toBe(0);
    expect(capped.begin(100)).toBe(1_000);
  });
});
