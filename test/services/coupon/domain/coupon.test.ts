import { describe, expect, it } from '@jest/globals';
import { couponFor } from '../../../../services/coupon/domain/coupon.ts';

const issuedAt = new Date('2026-11-20T10:00:00Z');
const paid = { orderNo: '4711', userId: 'user-1', totalMinor: 1_380, currency: 'EUR' };

describe('a coupon', () => {
  it('is worth five percent of the order and holds for 90 days', () => {
    expect(couponFor(paid, issuedAt)).toEqual({
      code: expect.stringMatching(/^[2-9A-HJ-NP-Z]{16}$/),
      orderNo: '4711',
      userId: 'user-1',
      amountMinor: 69,
      currency: 'EUR',
      issuedAt,
      expiresAt: new Date('2027-02-18T10:00:00Z'),
    });
  });

  it.each([
    [0, 1],
    [19, 1],
    [39, 1],
    [40, 2],
    [199, 9],
    [Number.MAX_SAFE_INTEGER, 450_359_962_737_049],
  ])('of an order over %i is worth %i', (totalMinor, amountMinor) => {
    expect(couponFor({ ...paid, totalMinor }, issuedAt).amountMinor).toBe(amountMinor);
  });
});
