import { describe, expect, it } from '@jest/globals';
import {
  parseOrderCloseCheck,
  type OrderCloseCheck,
} from '../../../services/contracts/order-close-check.ts';

const check: OrderCloseCheck = {
  type: 'CloseCheck',
  eventId: 'c3d5a3a0-0000-4000-8000-000000000004',
  orderNo: '20261120-7K3M9Q2T4VXA',
  transactionKey: 'c3d5a3a0-0000-4000-8000-000000000001',
  payBy: '2026-11-20T10:30:00.000Z',
};

describe('parseOrderCloseCheck', () => {
  it('reads a check as it was written', () => {
    expect(parseOrderCloseCheck(JSON.stringify(check))).toEqual(check);
  });

  it.each([
    ['another type', { type: 'Created' }, 'type is "Created", it must be CloseCheck'],
    ['no time', { payBy: 'soon' }, 'payBy is not a time'],
    [
      'a transaction key that no table holds',
      { transactionKey: 'ключ' },
      'transactionKey is not 1 to 64 visible ASCII characters',
    ],
  ])('names what is wrong with %s', (_what, wrong, reason) => {
    expect(() => parseOrderCloseCheck(JSON.stringify({ ...check, ...wrong }))).toThrow(
      expect.objectContaining({ code: 'MESSAGE.POISON', message: reason }),
    );
  });
});
