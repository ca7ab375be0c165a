import { describe, expect, it } from '@jest/globals';
import {
  alreadyLive,
  checkAmount,
  requestPayment,
  settlePayment,
  type Payment,
} from '../../../../services/payment/domain/payment.ts';
import { paymentStatuses } from '../../../../services/payment/domain/payment-status.ts';

const at = new Date('2026-11-20T10:00:00Z');
const later = new Date('2026-11-20T10:00:01Z');
const order = { orderNo: 'O-1', status: 'PENDING', totalMinor: 1_380, currency: 'EUR' };
const payment: Payment = requestPayment(order, 'P-1', at);
const charge = { chargeNo: 'CH-1', amountMinor: 1_380, currency: 'EUR' };

describe('a payment', () => {
  it('is over what the order comes to, and PROCESSING at first', () => {
    expect(payment).toEqual({
      paymentNo: 'P-1',
      orderNo: 'O-1',
      amountMinor: 1_380,
      currency: 'EUR',
      status: 'PROCESSING',
      createdAt: at,
    });
  });

  it.each(['PAID', 'SHIPPED', 'CANCELLED', 'REFUNDING', 'PARTIALLY_REFUNDED', 'REFUNDED'])(
    'is not made of an order that is %s',
    (status) => {
      expect(() => requestPayment({ ...order, status }, 'P-1', at)).toThrow(
        expect.objectContaining({
          code: 'PAYMENT.NOT_PAYABLE',
          kind: 'conflict',
          message: `order O-1 is ${status}, only a PENDING one can be paid`,
        }),
      );
    },
  );

  it('is not made of an order that comes to nothing', () => {
    expect(() => requestPayment({ ...order, totalMinor: 0 }, 'P-1', at)).toThrow(
      expect.objectContaining({ code: 'PAYMENT.NOT_PAYABLE' }),
    );
  });

  it('stands in the way of another while it is live', () => {
    expect(alreadyLive(payment)).toMatchObject({ code: 'PAYMENT.UNDER_WAY', kind: 'conflict' });
    expect(alreadyLive({ ...payment, status: 'SUCCEEDED' })).toMatchObject({
      code: 'PAYMENT.ALREADY_PAID',
      message: 'payment P-1 of order O-1 is SUCCEEDED',
    });
  });

  it('ends as the channel says, with the channel’s number', () => {
    const settlement = { outcome: 'SUCCEEDED', charge, settledAt: later } as const;
    expect(settlePayment(payment, settlement)).toEqual({
      payment: { ...payment, status: 'SUCCEEDED', chargeNo: 'CH-1', settledAt: later },
      isRepeat: false,
    });
  });

  it('that fails has a reason, also when none is given', () => {
    const settlement = { outcome: 'FAILED', settledAt: later } as const;
    expect(settlePayment(payment, settlement).payment.failure).toBe('the channel has declined it');
    expect(settlePayment(payment, { ...settlement, failure: 'given up' }).payment).toMatchObject({
      status: 'FAILED',
      failure: 'given up',
    });
  });

  const outcomes = ['SUCCEEDED', 'FAILED'] as const;
  it.each(paymentStatuses.flatMap((from) => outcomes.map((to) => [from, to] as const)))(
    'that is %s and told of as %s moves, repeats or contradicts by one table',
    (status, outcome) => {
      const known: Payment = { ...payment, status };
      const settle = () => settlePayment(known, { outcome, settledAt: later });
      if (status === 'PROCESSING') expect(settle()).toMatchObject({ isRepeat: false });
      else if (status === outcome) expect(settle()).toEqual({ payment: known, isRepeat: true });
      else {
        expect(settle).toThrow(
          expect.objectContaining({
            code: 'PAYMENT.CONTRADICTION',
            message: `payment P-1 is ${status} and cannot become ${outcome}`,
          }),
        );
      }
    },
  );

  it.each([
    { ...charge, amountMinor: 1_379 },
    { ...charge, amountMinor: 1_381 },
    { ...charge, currency: 'USD' },
  ])('is not over other money: %p', (other) => {
    const settlement = { outcome: 'SUCCEEDED', charge: other, settledAt: later } as const;
    expect(() => checkAmount(payment, settlement)).toThrow(
      expect.objectContaining({ code: 'CALLBACK.WRONG_AMOUNT' }),
    );
  });
});
