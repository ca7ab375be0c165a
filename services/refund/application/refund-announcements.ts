import type { OutgoingEvent } from '../../common/outgoing-event.ts';
import {
  REFUND_COMPLETED,
  REFUND_EVENTS,
  type RefundCompleted,
  type RefundStepDue,
} from '../../contracts/refund-events.ts';
import type { SagaNews } from '../domain/refund-saga.ts';
import type { Refund } from '../domain/refund.ts';

/** What the next service, or everybody, is told of a refund. The eventId is given by the outbox. */
export function refundNews(refund: Refund, news: NonNullable<SagaNews>, at: Date): OutgoingEvent {
  const { refundNo, orderNo, userId, paymentNo, refundMinor, orderTotalMinor, currency } = refund;
  const facts = {
    refundNo,
    orderNo,
    userId,
    paymentNo,
    refundMinor,
    orderTotalMinor,
    currency,
    occurredAt: at.toISOString(),
  };
  const payload: Omit<RefundCompleted, 'eventId'> | Omit<RefundStepDue, 'eventId'> =
    'due' in news
      ? { type: news.due, ...facts, items: refund.items, isWhole: refund.isWhole }
      : { type: REFUND_COMPLETED, ...facts };
  return { topic: REFUND_EVENTS, tag: payload.type, key: orderNo, payload, createdAt: at };
}
