import { describe, expect, test } from '@jest/globals';
import {
  growthPerSecond,
  plateauPerS,
  valuePerSecond,
  type Point,
} from '../../../loadtest/sampling/points.ts';

const points = (...pairs: [atS: number, value: number][]): Point[] =>
  pairs.map(([atS, value]) => ({ atS, value }));

describe('a count that grows', () => {
  test('is told by the second, also when it was looked at more or less often', () => {
    const written = points([-1, 100], [0, 100], [0.5, 150], [1, 160], [4, 220], [5, 220]);
    expect(growthPerSecond(written)).toEqual([60, 20, 20, 20, 0]);
  });

  test('has not grown before it was first looked at', () => {
    expect(growthPerSecond(points([2.5, 70], [3.5, 80]))).toEqual([0, 0, 5, 5]);
    expect(growthPerSecond([])).toEqual([]);
  });

  test('has a plateau: its rate from when it began to grow until it had ended', () => {
    const written = points([0, 10], [2, 10], [3, 500], [7, 1_010], [8, 1_010], [20, 1_010]);
    expect(plateauPerS(written)).toBe(200);
    expect(plateauPerS(points([0, 10], [9, 10]))).toBe(0);
    expect(plateauPerS([])).toBe(0);
  });
});

test('a value holds until the next; before the first it is not known', () => {
  expect(valuePerSecond(points([1.2, 5], [1.7, 6], [4.1, 9]))).toEqual([undefined, 6, 6, 6, 9]);
});
