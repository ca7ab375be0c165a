import { describe, expect, it } from '@jest/globals';
import { memoryGrowth, warmUpOf, type MemorySample } from '../../../loadtest/soak/memory-growth.ts';

const MB = 1_000_000;

/** A sample a second. */
function samplesOf(durationS: number, rssAt: (atS: number) => number): MemorySample[] {
  return Array.from({ length: durationS }, (_, atS) => ({ atS, rssBytes: rssAt(atS) }));
}

describe('memoryGrowth', () => {
  it('finds a leak under the saw-teeth of garbage collection', () => {
    // 100 MB and 10 MB more in 1000 s, with teeth of 30 MB every 17 s.
    const samples = samplesOf(1_001, (s) => 100 * MB + s * 10_000 + (s % 17) * 1.8 * MB);
    const growth = memoryGrowth(samples, 0)!;
    expect(growth.percent).toBeGreaterThan(7);
    expect(growth.percent).toBeLessThan(10);
  });

  it('is not deceived by a last collection, nor by peaks that are gone', () => {
    const samples = samplesOf(300, (s) => (s === 150 ? 900 : s > 290 ? 60 : 100) * MB);
    expect(memoryGrowth(samples, 0)!.percent).toBeCloseTo(0, 5);
  });

  it('leaves out what fills while it warms up', () => {
    const samples = samplesOf(600, (s) => (s < 200 ? 50 + s / 4 : 100) * MB);
    expect(memoryGrowth(samples, 200)!.percent).toBeCloseTo(0, 5);
    expect(memoryGrowth(samples, 0)!.percent).toBeGreaterThan(5);
  });

  it('says how much it shrank, too', () => {
    const growth = memoryGrowth(
      samplesOf(101, (s) => (100 - s / 10) * MB),
      0,
    )!;
    expect(growth).toMatchObject({ sampleCount: 101 });
    expect(growth.percent).toBeCloseTo(-10, 5);
    expect(growth.fromBytes).toBeCloseTo(100 * MB);
    expect(growth.toBytes).toBeCloseTo(90 * MB);
  });

  it('takes a day of samples in no time', () => {
    const growth = memoryGrowth(
      samplesOf(86_400, (s) => 100 * MB + s * 100),
      300,
    )!;
    expect(growth.sampleCount).toBe(600);
    expect(growth.percent).toBeCloseTo(8.6, 1);
  });

  it('says nothing of a few samples, or of many at one moment', () => {
    expect(
      memoryGrowth(
        samplesOf(9, () => MB),
        0,
      ),
    ).toBeUndefined();
    expect(
      memoryGrowth(
        samplesOf(300, () => MB),
        295,
      ),
    ).toBeUndefined();
    const atOnce = Array.from({ length: 20 }, () => ({ atS: 5, rssBytes: MB }));
    expect(memoryGrowth(atOnce, 0)).toBeUndefined();
  });
});

describe('warmUpOf', () => {
  it.each([
    [30, 10],
    [600, 200],
    [1_800, 300],
  ])('of %d s is %d s', (durationS, warmUpS) => expect(warmUpOf(durationS)).toBe(warmUpS));
});
