import { describe, expect, it } from '@jest/globals';
import type { Payment } from '../../../../services/payment/domain/payment.ts';
import {
  decideRefundMove,
  isOther,
  obstacleTo,
  refundStatuses,
  type PaymentRefund,
  type RefundStatus,
} from '../../../../services/payment/domain/payment-refund.ts';

const at = new Date('2026-11-20T10:00:00Z');
const payment: Payment = {
  paymentNo: 'P-1',
  orderNo: 'O-1',
  amountMinor: 1_000,
  currency: 'EUR',
  status: 'SUCCEEDED',
  createdAt: at,
  settledAt: at,
};
const refund: PaymentRefund = {
  refundNo: 'R-1',
  paymentNo: 'P-1',
  orderNo: 'O-1',
  amountMinor: 600,
  status: 'PROCESSING',
  isRefused: false,
  attemptCount: 1,
  eventId: 'event-1',
  createdAt: at,
  updatedAt: at,
};
const wish = {
  refundNo: 'R-2',
  paymentNo: 'P-1',
  orderNo: 'O-1',
  refundMinor: 400,
  currency: 'EUR',
};

describe('a refund', () => {
  it('may take what is left of the payment, and not a cent more', () => {
    expect(obstacleTo(wish, payment, [refund])).toBeUndefined();
    expect(obstacleTo({ ...wish, refundMinor: 401 }, payment, [refund])).toBe(
      'the refunds would come to 1001, payment P-1 is over 1000',
    );
  });

  it('counts one that was given up, and none that was refused', () => {
    const failed: PaymentRefund = { ...refund, status: 'FAILED' };
    const all = { ...wish, refundMinor: 1_000 };
    expect(obstacleTo(all, payment, [failed])).toBeDefined();
    expect(obstacleTo(all, payment, [{ ...failed, isRefused: true }])).toBeUndefined();
  });

  it.each([
    [{ status: 'FAILED' as const }, 'payment P-1 is FAILED, nothing was paid'],
    [{ orderNo: 'O-2' }, 'payment P-1 is of order O-2, not O-1'],
    [{ currency: 'USD' }, 'payment P-1 is in USD, not in EUR'],
  ])('is not possible of a payment with %p', (change, why) => {
    expect(obstacleTo(wish, { ...payment, ...change }, [])).toBe(why);
  });

  it('waits for a payment that is not settled', () => {
    expect(() => obstacleTo(wish, { ...payment, status: 'PROCESSING' }, [])).toThrow(
      expect.objectContaining({ code: 'PAYMENT.NOT_SETTLED', kind: 'unavailable' }),
    );
  });

  it('is another one under the same number when payment, order or amount differ', () => {
    const same = { ...wish, refundNo: 'R-1', refundMinor: 600 };
    expect(isOther(refund, same)).toBe(false);
    expect(isOther(refund, { ...same, refundMinor: 601 })).toBe(true);
    expect(isOther(refund, { ...same, paymentNo: 'P-2' })).toBe(true);
    expect(isOther(refund, { ...same, orderNo: 'O-2' })).toBe(true);
  });

  const allowed: Readonly<Record<RefundStatus, readonly RefundStatus[]>> = {
    PROCESSING: ['SUCCEEDED', 'FAILED'],
    FAILED: ['PROCESSING', 'SUCCEEDED'],
    SUCCEEDED: [],
  };
  it.each(refundStatuses.flatMap((from) => refundStatuses.map((to) => [from, to] as const)))(
    'moves from %s to %s by the table only',
    (status, to) => {
      const decide = () => decideRefundMove({ ...refund, status }, to);
      if (status === to) expect(decide()).toBe('repeated');
      else if (allowed[status].includes(to)) expect(decide()).toBe('moved');
      else expect(decide).toThrow(`refund R-1 is ${status} and cannot become ${to}`);
    },
  );
});
