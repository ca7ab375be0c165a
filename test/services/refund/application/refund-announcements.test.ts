import { describe, expect, it } from '@jest/globals';
import { bodyOf } from '../../../../services/common/outgoing-event.ts';
import {
  parseRefundCompleted,
  parseRefundStepDue,
} from '../../../../services/contracts/refund-events.ts';
import { refundNews } from '../../../../services/refund/application/refund-announcements.ts';
import { beginSaga, stepNames } from '../../../../services/refund/domain/refund-saga.ts';
import type { Refund } from '../../../../services/refund/domain/refund.ts';

const at = new Date('2026-11-20T12:00:00.000Z');

const refund: Refund = {
  ...beginSaga('R-1', 'CUSTOMER').saga,
  orderNo: '4711',
  userId: 'Jürgen 🫖',
  paymentNo: 'P-1',
  reason: 'CUSTOMER',
  refundMinor: Number.MAX_SAFE_INTEGER,
  orderTotalMinor: Number.MAX_SAFE_INTEGER,
  currency: 'EUR',
  items: Array.from({ length: 100 }, (_, index) => ({
    sku: `${index}-`.padEnd(128, '茶'),
    quantity: 999,
  })),
  isWhole: true,
  requestedAt: at,
};

const facts = {
  eventId: 'E-1',
  refundNo: 'R-1',
  orderNo: '4711',
  userId: 'Jürgen 🫖',
  paymentNo: 'P-1',
  refundMinor: Number.MAX_SAFE_INTEGER,
  orderTotalMinor: Number.MAX_SAFE_INTEGER,
  currency: 'EUR',
  occurredAt: '2026-11-20T12:00:00.000Z',
};

describe('what is told of a refund', () => {
  it.each(stepNames)('when %s is due can be read by whoever does it', (due) => {
    const event = refundNews(refund, { due }, at);
    expect(event).toMatchObject({ topic: 'REFUND_EVENTS', tag: due, key: '4711', createdAt: at });
    expect(parseRefundStepDue(due)(bodyOf(event, 'E-1'))).toEqual({
      ...facts,
      type: due,
      items: refund.items,
      isWhole: true,
    });
  });

  it('when money came too late has no items', () => {
    const event = refundNews({ ...refund, items: [] }, { due: 'ReturnMoney' }, at);
    expect(parseRefundStepDue('ReturnMoney')(bodyOf(event, 'E-1')).items).toEqual([]);
  });

  it('when it is through can be read by everybody', () => {
    const event = refundNews(refund, { completed: true }, at);
    expect(event).toMatchObject({ topic: 'REFUND_EVENTS', tag: 'Completed', key: '4711' });
    expect(parseRefundCompleted(bodyOf(event, 'E-1'))).toEqual({ ...facts, type: 'Completed' });
  });
});
