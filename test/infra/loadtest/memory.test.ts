import type { Samples } from '@millrace/loadtest';
import { describe, expect, it } from '@jest/globals';
import { growthOf, growthTable, worstGrowth } from '../../../infra/loadtest/memory.ts';

const samplesOf = (mbAt: Readonly<Record<string, (atS: number) => number>>): Samples => ({
  counts: {},
  failures: {},
  processes: Object.fromEntries(
    Object.entries(mbAt).map(([name, of]) => [
      name,
      {
        cpu: [],
        rssBytes: Array.from({ length: 91 }, (_, atS) => ({ atS, value: of(atS) * 1e6 })),
      },
    ]),
  ),
});

describe('how memory grew', () => {
  const growths = growthOf(
    samplesOf({
      // Fills while it warms up, for 20 of 60 s; what it does after the load is nobody's business.
      order: (atS) => (atS < 20 ? 50 + atS : atS <= 60 ? 70 : 200),
      push: (atS) => 100 + atS / 10,
      mariadb: (atS) => 100 + atS * 5,
    }),
    60,
  );

  it('is judged by the worst process of ours, of the time of the load alone', () => {
    expect(growths.map(({ name }) => name)).toEqual(['mariadb', 'push', 'order']);
    expect(worstGrowth(growths)).toBeCloseTo((4 / 102) * 100, 1);
  });

  it('is told of every process', () => {
    const [first, second, third] = growthTable(growths).split('\n');
    expect(first).toMatch(/mariadb .* \+100\.0 % {3}\(not judged\)$/);
    expect(second).toMatch(/push .* 102\.0 MB to .* 106\.0 MB {3}\+3\.9 %$/);
    expect(third).toMatch(/order .* \+0\.0 %$/);
  });

  it('is not known of a load that was short', () => {
    expect(worstGrowth(growthOf(samplesOf({ order: () => 5 }), 5))).toBeUndefined();
  });
});
