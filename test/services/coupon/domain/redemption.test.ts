import { describe, expect, it } from '@jest/globals';
import {
  decideMove,
  decideRelease,
  redemptionStatuses,
} from '../../../../services/coupon/domain/redemption.ts';

const keptAt = new Date('2026-11-20T10:00:00Z');

describe('a redemption', () => {
  it('makes these moves and no others', () => {
    const moves = redemptionStatuses.flatMap((from) =>
      redemptionStatuses
        .filter((to) => decideMove(from, to) === 'moved')
        .map((to) => `${from} → ${to}`),
    );
    expect(moves).toEqual(['HELD → KEPT', 'HELD → RELEASED', 'KEPT → RELEASED']);
    for (const status of redemptionStatuses) expect(decideMove(status, status)).toBe('repeated');
    expect(decideMove('RELEASED', 'KEPT')).toBe('refused');
  });

  it('is let go for want of a paid order only while none is known', () => {
    expect(decideRelease({ status: 'HELD', keptAt: null })).toBe('moved');
    expect(decideRelease({ status: 'RELEASED', keptAt: null })).toBe('repeated');
    expect(decideRelease({ status: 'KEPT', keptAt })).toBe('refused');
    expect(decideRelease({ status: 'RELEASED', keptAt })).toBe('refused');
  });
});
