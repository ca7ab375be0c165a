import { describe, expect, it } from '@jest/globals';
import { bodyOf } from '../../../services/common/outgoing-event.ts';
import {
  parseRefundStepResult,
  REFUND_STEP_RESULTS,
  refundStepResult,
  type RefundStepResult,
} from '../../../services/contracts/refund-step-results.ts';

const at = new Date('2026-11-20T12:00:00.000Z');
const due = { refundNo: 'R-1', orderNo: '20261120-7K3M9Q2T4VXA', type: 'Restock' } as const;
const result: RefundStepResult = {
  type: 'Done',
  eventId: 'c3d5a3a0-0000-4000-8000-000000000001',
  refundNo: due.refundNo,
  orderNo: due.orderNo,
  step: due.type,
  note: 'the goods are back in stock',
  occurredAt: at.toISOString(),
};

describe('the result of a step', () => {
  it.each(['Done', 'Failed'] as const)('%s is read as it is told', (type) => {
    const event = refundStepResult(due, { type, note: result.note, at });
    expect(event).toMatchObject({ topic: REFUND_STEP_RESULTS, tag: type, key: due.orderNo });
    expect(event.createdAt).toBe(at);
    expect(parseRefundStepResult(bodyOf(event, result.eventId))).toEqual({ ...result, type });
  });

  it('is told with so much of its note as can be read', () => {
    const event = refundStepResult(due, { type: 'Failed', note: 'x'.repeat(200), at });
    expect(parseRefundStepResult(bodyOf(event, 'E-1')).note).toBe('x'.repeat(128));
  });

  it.each([
    ['neither good nor bad', { type: 'Perhaps' }, 'type is "Perhaps", it must be Done or Failed'],
    ['no eventId', { eventId: undefined }, 'eventId is not a text'],
    ['no refund', { refundNo: '' }, 'refundNo is not a text'],
    ['two orders', { orderNo: 'a b' }, 'orderNo is not 1 to 64 visible ASCII characters'],
    ['no step', { step: undefined }, 'step is not a text'],
    [
      'a step nobody takes',
      { step: 'Apologise' },
      'step is "Apologise", it must be ReturnGoods, Restock, DeductPoints, RecallCoupon or ReturnMoney',
    ],
    ['no note', { note: '' }, 'note is not a text'],
    ['no time', { occurredAt: 'soon' }, 'occurredAt is not a time'],
  ])('is refused when it is %s', (_what, wrong, reason) => {
    expect(() => parseRefundStepResult(JSON.stringify({ ...result, ...wrong }))).toThrow(
      expect.objectContaining({ code: 'MESSAGE.POISON', kind: 'invalid', message: reason }),
    );
  });
});
