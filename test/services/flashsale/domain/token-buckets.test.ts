import { describe, expect, it } from '@jest/globals';
import { TokenBuckets } from '../../../../services/flashsale/domain/token-buckets.ts';

describe('a bucket of tokens', () => {
  it('lets a burst through, then as many as come back', () => {
    const buckets = new TokenBuckets({ ratePerS: 2, burst: 3 });
    expect([1, 2, 3].map(() => buckets.take('ann', 0))).toEqual([0, 0, 0]);
    expect(buckets.take('ann', 0)).toBe(500);
    expect(buckets.take('ann', 499)).toBeCloseTo(1);
    expect(buckets.take('ann', 500)).toBe(0);
    expect(buckets.take('ann', 500)).toBe(500);
  });

  it('holds no more than the burst, however long nobody came', () => {
    const buckets = new TokenBuckets({ ratePerS: 1, burst: 2 });
    expect([1, 2, 3].map(() => buckets.take('ann', 1_000_000) > 0)).toEqual([false, false, true]);
    expect([1, 2, 3].map(() => buckets.take('ann', 9_000_000) > 0)).toEqual([false, false, true]);
  });

  it('is somebody’s own', () => {
    const buckets = new TokenBuckets({ ratePerS: 1, burst: 1 });
    expect(buckets.take('ann', 0)).toBe(0);
    expect(buckets.take('bob', 0)).toBe(0);
    expect(buckets.take('ann', 0)).toBe(1_000);
  });

  it('does not exist without a rate', () => {
    const buckets = new TokenBuckets({ ratePerS: 0, burst: 1 });
    for (let count = 0; count < 100; count += 1) expect(buckets.take('ann', 0)).toBe(0);
    expect(buckets.size).toBe(0);
  });

  it('is forgotten when too many others came, and kept while its owner comes', () => {
    const buckets = new TokenBuckets({ ratePerS: 0.001, burst: 1 }, 100);
    buckets.take('rare', 0);
    buckets.take('frequent', 0);
    for (let count = 0; count < 1_000; count += 1) {
      buckets.take(`stranger-${count}`, 0);
      expect(buckets.take('frequent', 0)).toBeGreaterThan(0);
      expect(buckets.size).toBeLessThanOrEqual(100);
    }
    expect(buckets.take('rare', 0)).toBe(0);
  });
});
