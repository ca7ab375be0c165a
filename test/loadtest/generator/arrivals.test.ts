import { describe, expect, test } from '@jest/globals';
import {
  ArrivalSchedule,
  constantArrivalRate,
  rampingArrivalRate,
} from '../../../loadtest/generator/arrivals.ts';

function allOf(schedule: ArrivalSchedule): number[] {
  return Array.from({ length: schedule.count }, (_, visitor) => schedule.dueS(visitor));
}

describe('an arrival schedule', () => {
  test('spreads a constant rate evenly, with room at both edges', () => {
    const schedule = new ArrivalSchedule(constantArrivalRate({ ratePerS: 4, durationS: 2 }));
    expect(schedule.count).toBe(8);
    expect(allOf(schedule)).toEqual([0.125, 0.375, 0.625, 0.875, 1.125, 1.375, 1.625, 1.875]);
  });

  test('ramps: visitors come as often as the rate of the moment says', () => {
    const schedule = new ArrivalSchedule(
      rampingArrivalRate({
        startPerS: 0,
        stages: [
          { targetPerS: 1_000, durationS: 10 },
          { targetPerS: 1_000, durationS: 5 },
          { targetPerS: 0, durationS: 10 },
        ],
      }),
    );
    expect(schedule.count).toBe(15_000);
    const dueS = allOf(schedule);
    const between = (fromS: number, toS: number): number =>
      dueS.filter((each) => each >= fromS && each < toS).length;
    expect(between(0, 1)).toBe(50);
    expect(between(4, 5)).toBe(450);
    expect(between(12, 13)).toBe(1_000);
    expect(between(24, 25)).toBe(50);
    expect(dueS.every((each, index) => index === 0 || each >= dueS[index - 1]!)).toBe(true);
    expect(dueS.at(-1)).toBeLessThanOrEqual(25);
  });

  test('counts those due before a time as it lets them come', () => {
    const schedule = new ArrivalSchedule([
      { fromPerS: 0, toPerS: 10, durationS: 2 },
      { fromPerS: 10, toPerS: 10, durationS: 1 },
    ]);
    const dueS = allOf(schedule);
    for (const atS of [0, 1, 1.5, 2, 2.5, 3, 9]) {
      expect(schedule.countUntil(atS)).toBe(dueS.filter((each) => each < atS).length);
    }
  });

  test('a stage in which nobody comes is a pause', () => {
    const schedule = new ArrivalSchedule([
      { fromPerS: 1, toPerS: 1, durationS: 2 },
      { fromPerS: 0, toPerS: 0, durationS: 10 },
      { fromPerS: 1, toPerS: 1, durationS: 2 },
    ]);
    expect(allOf(schedule)).toEqual([0.5, 1.5, 12.5, 13.5]);
  });

  test('a stage that cannot be is refused with its number and the bounds', () => {
    expect(() => new ArrivalSchedule([{ fromPerS: 1, toPerS: 1, durationS: 0 }])).toThrow(
      'stages[0].durationS is 0, it must be above 0 and at most 86400',
    );
    expect(() => new ArrivalSchedule([{ fromPerS: 1, toPerS: -1, durationS: 1 }])).toThrow(
      'stages[0].toPerS is -1, it must be 0 to 1000000',
    );
  });
});
