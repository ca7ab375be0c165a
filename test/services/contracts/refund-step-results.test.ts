import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { bodyOf } from '../../../services/common/outgoing-event.ts';
import {
  parseRefundStepResult,
  REFUND_STEP_RESULTS,
  refundStepResult,
  type RefundStepResult,
} from '../../../services/contracts/refund-step-results.ts';
import { plays } from '../../support/plays.ts';

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

function noteAsRead(note: string): string {
  const event = refundStepResult(due, { type: 'Done', note, at });
  return parseRefundStepResult(bodyOf(event, 'E-1')).note;
}

describe('the result of a step', () => {
  it.each(['Done', 'Failed'] as const)('%s is read as it is told', (type) => {
    const event = refundStepResult(due, { type, note: result.note, at });
    expect(event).toMatchObject({ topic: REFUND_STEP_RESULTS, tag: type, key: due.orderNo });
    expect(event.createdAt).toBe(at);
    expect(parseRefundStepResult(bodyOf(event, result.eventId))).toEqual({ ...result, type });
  });

  it.each([
    ['', 'nothing was noted'],
    [' \n ', 'nothing was noted'],
    ['x'.repeat(128), 'x'.repeat(128)],
    ['x'.repeat(1_000), 'x'.repeat(128)],
    // Two of a string's units each: the 64th ends at 128, and 127 leave no room for another.
    ['🫖'.repeat(100), '🫖'.repeat(64)],
    [`${'x'.repeat(127)}🫖`, 'x'.repeat(127)],
  ])('has a note that can be read, whatever it is made of: %j', (note, read) => {
    expect(noteAsRead(note)).toBe(read);
  });

  it('never becomes a poison message by its note', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (note) => {
        const read = noteAsRead(note);
        expect(read.length).toBeGreaterThan(0);
        expect(read).not.toMatch(/\p{Surrogate}/u);
        expect(read === 'nothing was noted' || note.includes(read)).toBe(true);
      }),
      plays(),
    );
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
