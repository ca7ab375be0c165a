import { describe, expect, it } from '@jest/globals';
import {
  parsePaymentEventOf,
  type PaymentEvent,
} from '../../../services/contracts/payment-events.ts';

const event: PaymentEvent = {
  type: 'Succeeded',
  eventId: 'c3d5a3a0-0000-4000-8000-000000000001',
  paymentNo: '20261120-9Q2T4VXA7K3M',
  orderNo: '20261120-7K3M9Q2T4VXA',
  amountMinor: 1_380,
  currency: 'EUR',
  occurredAt: '2026-11-20T10:01:00.000Z',
};

describe('parsePaymentEventOf', () => {
  it.each(['Requested', 'Succeeded', 'Failed'] as const)('reads %s as it was written', (type) => {
    const written = { ...event, type, amountMinor: Number.MAX_SAFE_INTEGER };
    expect(parsePaymentEventOf(type)(JSON.stringify(written))).toEqual(written);
  });

  it('refuses another event of a payment', () => {
    expect(() => parsePaymentEventOf('Failed')(JSON.stringify(event))).toThrow(
      'type is Succeeded, it must be Failed',
    );
  });

  it.each([
    [
      'an unknown type',
      { type: 'Lost' },
      'type is "Lost", it must be Requested, Succeeded or Failed',
    ],
    ['no paymentNo', { paymentNo: undefined }, 'paymentNo is not a text'],
    ['two orders', { orderNo: 'a b' }, 'orderNo is not 1 to 64 visible ASCII characters'],
    ['no money', { amountMinor: 0 }, 'amountMinor is not an integer ≥ 1'],
    ['a fraction of a cent', { amountMinor: 1.5 }, 'amountMinor is not an integer ≥ 1'],
    ['more than can be counted', { amountMinor: 2 ** 53 }, 'amountMinor is not an integer ≥ 1'],
    ['money as text', { amountMinor: '1380' }, 'amountMinor is not an integer ≥ 1'],
    ['no currency', { currency: '' }, 'currency is not a text'],
    ['no time', { occurredAt: 'soon' }, 'occurredAt is not a time'],
  ])('names what is wrong with %s', (_what, wrong, reason) => {
    const body = JSON.stringify({ ...event, ...wrong });
    expect(() => parsePaymentEventOf('Succeeded')(body)).toThrow(
      expect.objectContaining({ code: 'MESSAGE.POISON', kind: 'invalid', message: reason }),
    );
  });
});
