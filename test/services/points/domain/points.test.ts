import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { pointsFor, pointsToDeduct } from '../../../../services/points/domain/points.ts';
import { plays } from '../../../support/plays.ts';

const amount = fc.oneof(
  fc.nat({ max: 10_000 }),
  fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(0, 1, 99, 100, 101, Number.MAX_SAFE_INTEGER),
);

/** The points that refunds of these amounts take back, one after the other. */
function deducted(paidMinor: number, refunds: readonly number[]): number[] {
  let refundedBeforeMinor = 0;
  return refunds.map((refundMinor) => {
    const points = pointsToDeduct({
      earnedPoints: pointsFor(paidMinor),
      paidMinor,
      refundedBeforeMinor,
      refundMinor,
    });
    refundedBeforeMinor += refundMinor;
    return points;
  });
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

describe('the points of an order', () => {
  it.each([
    [0, 0],
    [99, 0],
    [100, 1],
    [1_380, 13],
    [1_399, 13],
    [Number.MAX_SAFE_INTEGER, 90_071_992_547_409],
  ])('are, for %p, %p', (paidMinor, points) => {
    expect(pointsFor(paidMinor)).toBe(points);
  });

  it('are never rounded up, however large the amount', () => {
    fc.assert(
      fc.property(amount, (paidMinor) => {
        expect(BigInt(pointsFor(paidMinor))).toBe(BigInt(paidMinor) / 100n);
      }),
      plays(),
    );
  });
});

describe('what a refund takes back', () => {
  it.each<[string, number, number[], number[]]>([
    ['all of it', 1_380, [1_380], [13]],
    ['nothing', 1_380, [0], [0]],
    ['two halves, of which one has the odd point', 1_380, [690, 690], [6, 7]],
    ['parts too small for a point', 100, [30, 30, 40], [0, 0, 1]],
    ['of an order for nothing', 0, [0], [0]],
    [
      'of the largest amount there is',
      Number.MAX_SAFE_INTEGER,
      [1, Number.MAX_SAFE_INTEGER - 1],
      [0, 90_071_992_547_409],
    ],
    ['more than was paid, which is no more than all', 1_380, [1_000, 1_000], [9, 4]],
  ])('is right for %s', (_what, paidMinor, refunds, points) => {
    expect(deducted(paidMinor, refunds)).toEqual(points);
  });

  it('comes to what was earned, however the refunds are cut', () => {
    fc.assert(
      fc.property(amount, fc.array(amount, { maxLength: 20 }), (paidMinor, cuts) => {
        const edges = [0, ...cuts.map((cut) => Math.min(cut, paidMinor)), paidMinor];
        edges.sort((a, b) => a - b);
        const refunds = edges.slice(1).map((edge, index) => edge - edges[index]!);
        const parts = deducted(paidMinor, refunds);
        expect(parts.every((points) => Number.isSafeInteger(points) && points >= 0)).toBe(true);
        expect(sum(parts)).toBe(pointsFor(paidMinor));
      }),
      plays(),
    );
  });

  it('is never more than was earned, whatever comes back', () => {
    fc.assert(
      fc.property(
        amount,
        fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 20 }),
        (paid, refunds) => {
          const parts = deducted(paid, refunds);
          expect(parts.every((points) => points >= 0)).toBe(true);
          expect(sum(parts)).toBeLessThanOrEqual(pointsFor(paid));
        },
      ),
      plays(),
    );
  });
});
