import type { MinorUnits } from '../../common/money.ts';

/** One point for every whole unit of the currency that was paid. */
const MINOR_UNITS_PER_POINT = 100;

export function pointsFor(paidMinor: MinorUnits): number {
  return Math.floor(paidMinor / MINOR_UNITS_PER_POINT);
}

/**
 * What a refund takes back of the points an order has earned: its share of the money.
 *
 * Shares are differences of a running total, so that refunds of all that was paid take back all that was earned, to the
 * point, however they were cut. More than was earned is never taken back, whatever is refunded.
 */
export function pointsToDeduct(order: {
  earnedPoints: number;
  paidMinor: MinorUnits;
  refundedBeforeMinor: MinorUnits;
  refundMinor: MinorUnits;
}): number {
  const { earnedPoints, paidMinor, refundedBeforeMinor, refundMinor } = order;
  const share = (refundedMinor: MinorUnits): number =>
    paidMinor === 0
      ? 0
      : Number(
          (BigInt(earnedPoints) * BigInt(Math.min(refundedMinor, paidMinor))) / BigInt(paidMinor),
        );
  return share(refundedBeforeMinor + refundMinor) - share(refundedBeforeMinor);
}
