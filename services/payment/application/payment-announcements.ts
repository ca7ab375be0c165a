import type { OutgoingEvent } from '../../common/outgoing-event.ts';
import {
  PAYMENT_EVENTS,
  type PaymentEvent,
  type PaymentEventTag,
} from '../../contracts/payment-events.ts';
import type { Payment, Settlement } from '../domain/payment.ts';

/** What a payment's changes look like to the other services. The eventId is given by whoever sends them. */
export function paymentRequested(payment: Payment): OutgoingEvent {
  return announcement(payment, 'Requested', payment.createdAt);
}

export function paymentSettled(
  payment: Payment,
  { outcome, settledAt }: Pick<Settlement, 'outcome' | 'settledAt'>,
): OutgoingEvent {
  return announcement(payment, outcome === 'SUCCEEDED' ? 'Succeeded' : 'Failed', settledAt);
}

function announcement(payment: Payment, type: PaymentEventTag, at: Date): OutgoingEvent {
  const { paymentNo, orderNo, amountMinor, currency } = payment;
  const payload: Omit<PaymentEvent, 'eventId'> = {
    type,
    paymentNo,
    orderNo,
    amountMinor,
    currency,
    occurredAt: at.toISOString(),
  };
  return { topic: PAYMENT_EVENTS, tag: type, key: orderNo, payload, createdAt: at };
}
