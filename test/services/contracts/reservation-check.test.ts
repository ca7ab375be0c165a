import { describe, expect, it } from '@jest/globals';
import {
  parseReservationCheck,
  type ReservationCheck,
} from '../../../services/contracts/reservation-check.ts';

const check: ReservationCheck = {
  type: 'Stock',
  eventId: 'c3d5a3a0-0000-4000-8000-000000000001',
  orderNo: '20261120-7K3M9Q2T4VXA',
  transactionKey: 'c3d5a3a0-0000-4000-8000-000000000002',
};

describe('parseReservationCheck', () => {
  it.each(['Stock', 'Coupon'] as const)('reads a check of %s as it was written', (type) => {
    const written = { ...check, type };
    expect(parseReservationCheck(JSON.stringify(written))).toEqual(written);
  });

  it.each([
    ['another asker', { type: 'Push' }, 'type is "Push", it must be Stock or Coupon'],
    ['no eventId', { eventId: 7 }, 'eventId is not a text'],
    [
      'an order no table holds',
      { orderNo: 'ключ' },
      'orderNo is not 1 to 64 visible ASCII characters',
    ],
    ['no transaction', { transactionKey: undefined }, 'transactionKey is not a text'],
  ])('names what is wrong with %s', (_what, wrong, reason) => {
    expect(() => parseReservationCheck(JSON.stringify({ ...check, ...wrong }))).toThrow(
      expect.objectContaining({ code: 'MESSAGE.POISON', kind: 'invalid', message: reason }),
    );
  });
});
