import { describe, expect, it } from '@jest/globals';
import {
  couponFor,
  giveBackCoupon,
  recallCoupon,
  redeemCoupon,
  type Coupon,
} from '../../../../services/coupon/domain/coupon.ts';

const issuedAt = new Date('2026-11-20T10:00:00Z');
const expiresAt = new Date('2027-02-18T10:00:00Z');
const later = new Date('2026-12-24T18:00:00Z');
const paid = { orderNo: '4711', userId: 'user-1', totalMinor: 1_380, currency: 'EUR' };

const issued = couponFor(paid, issuedAt);
const redeemed: Coupon = { ...issued, status: 'REDEEMED', redeemedByOrderNo: '4712' };
const recalled: Coupon = { ...issued, status: 'RECALLED', recallAskedAt: later };

describe('a coupon', () => {
  it('is worth five percent of the order and holds for 90 days', () => {
    expect(issued).toEqual({
      code: expect.stringMatching(/^[2-9A-HJ-NP-Z]{16}$/),
      orderNo: '4711',
      userId: 'user-1',
      amountMinor: 69,
      currency: 'EUR',
      status: 'ISSUED',
      redeemedByOrderNo: null,
      recallAskedAt: null,
      issuedAt,
      expiresAt,
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

  it('can be used by an order of its user, to the last moment', () => {
    const at = new Date(expiresAt.getTime() - 1);
    expect(redeemCoupon(issued, { orderNo: '4712', userId: 'user-1', at })).toEqual(redeemed);
  });

  it.each<[string, Coupon, string, Date, string, string]>([
    ['of another user', issued, 'user-2', later, 'NOT_YOURS', 'belongs to another user'],
    ['of another user, used', redeemed, 'user-2', later, 'NOT_YOURS', 'belongs to another user'],
    ['in use', redeemed, 'user-1', later, 'USED', 'is used for order 4712'],
    ['recalled', recalled, 'user-1', later, 'RECALLED', 'was recalled'],
    ['expired', issued, 'user-1', expiresAt, 'EXPIRED', 'good until 2027-02-18T10:00:00.000Z'],
  ])('that is %s cannot', (_what, coupon, userId, at, reason, text) => {
    expect(() => redeemCoupon(coupon, { orderNo: '4713', userId, at })).toThrow(
      expect.objectContaining({
        code: `COUPON.${reason}`,
        kind: 'conflict',
        message: expect.stringContaining(text),
      }),
    );
  });

  it('can be used again when it is given back', () => {
    expect(giveBackCoupon(redeemed, '4712')).toEqual(issued);
  });

  it.each([
    ['by an order that does not use it', redeemed, '4713'],
    ['twice', issued, '4712'],
  ])('cannot be given back %s', (_what, coupon, orderNo) => {
    expect(() => giveBackCoupon(coupon, orderNo)).toThrow(/they change together/);
  });

  it('is recalled once; the first asking counts', () => {
    expect(recallCoupon(issued, later)).toEqual(recalled);
    expect(recallCoupon(recalled, new Date())).toEqual(recalled);
  });

  it('stays with the order that uses it when it is to be recalled, and is so when given back', () => {
    const asked = recallCoupon(redeemed, later);
    expect(asked).toEqual({ ...redeemed, recallAskedAt: later });
    expect(giveBackCoupon(asked, '4712')).toEqual(recalled);
  });
});
