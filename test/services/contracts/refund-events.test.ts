import { describe, expect, it } from '@jest/globals';
import {
  parseRefundCompleted,
  parseRefundStepDue,
  RefundStep,
  type RefundCompleted,
  type RefundStepDue,
} from '../../../services/contracts/refund-events.ts';

const completed: RefundCompleted = {
  type: 'Completed',
  eventId: 'c3d5a3a0-0000-4000-8000-000000000001',
  refundNo: '20261120-9Q2T4VXA7K3M',
  orderNo: '20261120-7K3M9Q2T4VXA',
  userId: 'user-1',
  paymentNo: 'P-1',
  refundMinor: 690,
  orderTotalMinor: 1_380,
  currency: 'EUR',
  occurredAt: '2026-11-20T12:00:00.000Z',
};
const due: RefundStepDue = {
  ...completed,
  type: 'Restock',
  items: [{ sku: 'TEA-GREEN-100', quantity: 1 }],
  isWhole: false,
};
const poison = (message: string): unknown =>
  expect.objectContaining({ code: 'MESSAGE.POISON', kind: 'invalid', message });

describe('parseRefundStepDue', () => {
  it.each(Object.values(RefundStep))('reads %s as it was written', (type) => {
    expect(parseRefundStepDue(type)(JSON.stringify({ ...due, type }))).toEqual({ ...due, type });
  });

  it('reads a refund of money alone', () => {
    const written = { ...due, items: [], isWhole: true };
    expect(parseRefundStepDue('Restock')(JSON.stringify(written))).toEqual(written);
  });

  it('refuses the step of another service', () => {
    expect(() => parseRefundStepDue('ReturnMoney')(JSON.stringify(due))).toThrow(
      poison('type is Restock, it must be ReturnMoney'),
    );
  });

  it.each([
    ['no list', { items: undefined }, 'items is not a filled list'],
    ['an item that is none', { items: [7] }, 'items[0] is not an object'],
    ['no sku', { items: [{ quantity: 1 }] }, 'items[0].sku is not a text'],
    [
      'a quantity of zero',
      { items: [{ sku: 'TEA', quantity: 0 }] },
      'items[0].quantity is not an integer ≥ 1',
    ],
    ['half a whole', { isWhole: 'yes' }, 'isWhole is not true or false'],
  ])('names what is wrong with %s', (_what, wrong, reason) => {
    const body = JSON.stringify({ ...due, ...wrong });
    expect(() => parseRefundStepDue('Restock')(body)).toThrow(poison(reason));
  });
});

describe('parseRefundCompleted', () => {
  it('reads what was written, and nothing of a step', () => {
    expect(parseRefundCompleted(JSON.stringify(completed))).toEqual(completed);
    expect(() => parseRefundCompleted(JSON.stringify(due))).toThrow(
      poison('type is Restock, it must be Completed'),
    );
  });

  it.each([
    [
      'an unknown type',
      { type: 'Lost' },
      'type is "Lost", it must be ReturnGoods, Restock, DeductPoints, RecallCoupon, ReturnMoney or Completed',
    ],
    ['no eventId', { eventId: '' }, 'eventId is not a text'],
    ['two refunds', { refundNo: 'a b' }, 'refundNo is not 1 to 64 visible ASCII characters'],
    ['no order', { orderNo: undefined }, 'orderNo is not a text'],
    ['no user', { userId: 7 }, 'userId is not a text'],
    ['no payment', { paymentNo: null }, 'paymentNo is not a text'],
    ['a debt', { refundMinor: -1 }, 'refundMinor is not an integer ≥ 0'],
    ['money as text', { orderTotalMinor: '1' }, 'orderTotalMinor is not an integer ≥ 0'],
    ['no currency', { currency: '' }, 'currency is not a text'],
    ['no time', { occurredAt: 'soon' }, 'occurredAt is not a time'],
  ])('names what is wrong with %s', (_what, wrong, reason) => {
    const body = JSON.stringify({ ...completed, ...wrong });
    expect(() => parseRefundCompleted(body)).toThrow(poison(reason));
  });
});
