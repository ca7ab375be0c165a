import { describe, expect, it } from '@jest/globals';
import { parsePaymentQuery, type PaymentQuery } from '../../../services/contracts/payment-query.ts';

const query: PaymentQuery = {
  type: 'Query',
  eventId: 'c3d5a3a0-0000-4000-8000-000000000001',
  orderNo: '20261120-7K3M9Q2T4VXA',
  paymentNo: '20261120-9Q2T4VXA7K3M',
  transactionKey: 'c3d5a3a0-0000-4000-8000-000000000002',
};

describe('parsePaymentQuery', () => {
  it('reads a query as it was written', () => {
    expect(parsePaymentQuery(JSON.stringify(query))).toEqual(query);
  });

  it.each([
    ['another type', { type: 'CloseCheck' }, 'type is "CloseCheck", it must be Query'],
    ['no eventId', { eventId: null }, 'eventId is not a text'],
    ['two orders', { orderNo: 'a b' }, 'orderNo is not 1 to 64 visible ASCII characters'],
    [
      'a payment no table holds',
      { paymentNo: 'x'.repeat(65) },
      'paymentNo is not 1 to 64 visible ASCII characters',
    ],
    ['no transaction', { transactionKey: undefined }, 'transactionKey is not a text'],
  ])('names what is wrong with %s', (_what, wrong, reason) => {
    expect(() => parsePaymentQuery(JSON.stringify({ ...query, ...wrong }))).toThrow(
      expect.objectContaining({ code: 'MESSAGE.POISON', kind: 'invalid', message: reason }),
    );
  });
});
