/**
 * REFUND_STEP_RESULTS: what became of a step of a refund, told to the refund service by whoever does it. Key: the order
 * number. Sent through the outbox of that service, so that the result commits with the effect.
 *
 * Tags: Done, Failed. Body: JSON, UTF-8.
 */
import type { OutgoingEvent } from '../common/outgoing-event.ts';
import { fieldsOf, keyOf, MAX_TEXT_CHARACTERS, textOf, timeOf, typeOf } from './message-body.ts';
import { RefundStep } from './refund-events.ts';

export const REFUND_STEP_RESULTS = 'REFUND_STEP_RESULTS';

export const RefundStepResultTag = {
  Done: 'Done',
  /** Given up: a person must look at it. */
  Failed: 'Failed',
} as const;

export interface RefundStepResult {
  type: (typeof RefundStepResultTag)[keyof typeof RefundStepResultTag];
  eventId: string;
  refundNo: string;
  orderNo: string;
  step: RefundStep;
  /** How it was done, or why it was not, for people. */
  note: string;
  occurredAt: string;
}

/** The message that tells it, for an outbox. Whatever the note is, the message can be read: it is cut, or stood in for. */
export function refundStepResult(
  due: { refundNo: string; orderNo: string; type: RefundStep },
  result: { type: RefundStepResult['type']; note: string; at: Date },
): OutgoingEvent {
  const payload: Omit<RefundStepResult, 'eventId'> = {
    type: result.type,
    refundNo: due.refundNo,
    orderNo: due.orderNo,
    step: due.type,
    note: readableNote(result.note),
    occurredAt: result.at.toISOString(),
  };
  return {
    topic: REFUND_STEP_RESULTS,
    tag: result.type,
    key: due.orderNo,
    payload,
    createdAt: result.at,
  };
}

/** A reason may be an error's, which may be empty, or as long as it likes. Cut between characters, never within one. */
function readableNote(text: string): string {
  let note = '';
  for (const character of text.trim()) {
    if (note.length + character.length > MAX_TEXT_CHARACTERS) break;
    note += character;
  }
  return note === '' ? 'nothing was noted' : note;
}

/** Errors: MESSAGE.POISON naming what is wrong, without repeating the payload. */
export function parseRefundStepResult(body: string): RefundStepResult {
  const fields = fieldsOf(body);
  return {
    type: typeOf(fields, Object.values(RefundStepResultTag)),
    eventId: textOf(fields, 'eventId'),
    refundNo: keyOf(fields, 'refundNo'),
    orderNo: keyOf(fields, 'orderNo'),
    step: typeOf(fields, Object.values(RefundStep), 'step'),
    note: textOf(fields, 'note'),
    occurredAt: timeOf(fields, 'occurredAt'),
  };
}
