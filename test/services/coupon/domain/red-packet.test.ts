import { describe, expect, it } from '@jest/globals';
import { recallRedPacket, redPacketFor } from '../../../../services/coupon/domain/red-packet.ts';

const issuedAt = new Date('2026-11-20T10:00:00Z');
const issuing = { packetNo: '20261120-9Q2T4VXA7K3M', issuedAt };
const paid = {
  orderNo: '20261120-7K3M9Q2T4VXA',
  userId: 'user-1',
  totalMinor: 10_000,
  currency: 'EUR',
};

const amountOf = (totalMinor: number, orderNo = paid.orderNo): number =>
  redPacketFor({ ...paid, totalMinor, orderNo }, issuing).amountMinor;

describe('a red packet', () => {
  it('holds some of what was paid, and for this order it always will', () => {
    expect(redPacketFor(paid, issuing)).toEqual({
      ...issuing,
      orderNo: paid.orderNo,
      userId: 'user-1',
      // The first 48 bits of `openssl dgst -sha256 -hmac 'millrace red packets'` over the number, modulo 401, and 100.
      amountMinor: 255,
      currency: 'EUR',
      status: 'OPEN',
      recalledAt: null,
    });
  });

  it('holds the same whenever it is drawn', () => {
    const again = { packetNo: '20261121-000000000000', issuedAt: new Date() };
    expect(redPacketFor(paid, again).amountMinor).toBe(redPacketFor(paid, issuing).amountMinor);
  });

  it('holds one to five percent, all of that range over many orders', () => {
    const amounts = Array.from({ length: 5_000 }, (_, index) => amountOf(10_000, `order-${index}`));
    expect(Math.min(...amounts)).toBe(100);
    expect(Math.max(...amounts)).toBe(500);
    const mean = amounts.reduce((sum, amount) => sum + amount, 0) / amounts.length;
    expect(Math.abs(mean - 300)).toBeLessThan(10);
  });

  it('holds at least one minor unit, and of the largest amount a whole number of them', () => {
    expect([amountOf(0), amountOf(1), amountOf(19)]).toEqual([1, 1, 1]);
    const share = amountOf(10_000);
    const largest = Number.MAX_SAFE_INTEGER;
    expect(BigInt(amountOf(largest))).toBe((BigInt(largest) * BigInt(share)) / 10_000n);
  });

  it('is recalled once', () => {
    const recalled = recallRedPacket(redPacketFor(paid, issuing), issuedAt);
    expect(recalled).toMatchObject({ status: 'RECALLED', recalledAt: issuedAt });
    expect(recallRedPacket(recalled, new Date())).toBe(recalled);
  });
});
