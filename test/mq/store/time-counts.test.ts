import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { TimeCounts } from '../../../mq/store/time-counts.ts';
import { plays } from '../../support/plays.ts';

const START = 1_900_000_000_000;

describe('counts of times', () => {
  it('say of any time whether it was added oftener than removed, grown and shrunk, one by one or built at once', () => {
    // A few times and many: they meet each other, and the table grows.
    const step = fc.record({ isAdd: fc.boolean(), time: fc.oneof(fc.nat(9), fc.nat(400)) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), fc.nat(), (steps, first) => {
        const counts = new TimeCounts();
        const plain = new Map<number, number>();
        for (const { isAdd, time } of steps) {
          if (isAdd) counts.add(first + time);
          else counts.remove(first + time);
          const count = plain.get(time) ?? 0;
          plain.set(time, isAdd ? count + 1 : Math.max(0, count - 1));
        }
        const left = [...plain].flatMap(([time, count]) =>
          Array.from({ length: count }, () => first + time),
        );
        const built = new TimeCounts(Float64Array.from(left));
        const every = Array.from({ length: 401 }, (_, time) => time);
        const isLeft = every.map((time) => (plain.get(time) ?? 0) > 0);
        expect(every.map((time) => counts.has(first + time))).toEqual(isLeft);
        expect(every.map((time) => built.has(first + time))).toEqual(isLeft);
      }),
      plays(),
    );
  });

  it('take at most 32 bytes a time when they grow, and give memory back', () => {
    const counts = new TimeCounts();
    let worst = 0;
    for (let index = 0; index < 100_000; index++) {
      counts.add(START + index * 1_000);
      worst = index < 100 ? 0 : Math.max(worst, counts.bytes / (index + 1));
    }
    expect(worst).toBeLessThanOrEqual(32);
    for (let index = 0; index < 99_990; index++) counts.remove(START + index * 1_000);
    expect(counts.bytes).toBeLessThan(2 * 1024);
    expect(counts.has(START)).toBe(false);
    expect(counts.has(START + 99_999_000)).toBe(true);
  });
});
