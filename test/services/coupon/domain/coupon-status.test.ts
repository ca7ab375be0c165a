import { describe, expect, it } from '@jest/globals';
import { couponStatuses, decideMove } from '../../../../services/coupon/domain/coupon-status.ts';

describe('a coupon', () => {
  it('makes these moves and no others', () => {
    const moves = couponStatuses.flatMap((from) =>
      couponStatuses
        .filter((to) => decideMove(from, to) === 'moved')
        .map((to) => `${from} → ${to}`),
    );
    expect(moves).toEqual(['ISSUED → REDEEMED', 'ISSUED → RECALLED', 'REDEEMED → ISSUED']);
    for (const status of couponStatuses) expect(decideMove(status, status)).toBe('repeated');
    expect(decideMove('REDEEMED', 'RECALLED')).toBe('refused');
  });
});
