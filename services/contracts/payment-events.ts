/**
 * PAYMENT_EVENTS: what the payment service tells everybody else. Key: the order number.
 *
 * Sent as half messages: an event is seen if, and only if, the change it tells of has been committed.
 * Copies: a message may arrive more than once; `eventId` is the same each time and different for every event.
 * Tags:   one per event type. Body: the event as JSON, UTF-8.
 */
import type { MinorUnits } from '../common/money.ts';
import { fieldsOf, keyOf, poison, textOf, timeOf, typeOf, wholeNumberOf } from './message-body.ts';

export const PAYMENT_EVENTS = 'PAYMENT_EVENTS';

export const PaymentEventTag = {
  /** To be charged through the channel; the payment service takes this one itself. */
  Requested: 'Requested',
  Succeeded: 'Succeeded',
  Failed: 'Failed',
} as const;
export type PaymentEventTag = (typeof PaymentEventTag)[keyof typeof PaymentEventTag];

export interface PaymentEvent {
  type: PaymentEventTag;
  eventId: string;
  paymentNo: string;
  orderNo: string;
  amountMinor: MinorUnits;
  currency: string;
  /** When it happened, ISO 8601 in UTC; not when it was sent. */
  occurredAt: string;
}

/** Errors: MESSAGE.POISON naming what is wrong, without repeating the payload; also when the event is of another type. */
export function parsePaymentEventOf(type: PaymentEventTag): (body: string) => PaymentEvent {
  return (body) => {
    const fields = fieldsOf(body);
    const event: PaymentEvent = {
      type: typeOf(fields, Object.values(PaymentEventTag)),
      eventId: textOf(fields, 'eventId'),
      paymentNo: keyOf(fields, 'paymentNo'),
      orderNo: keyOf(fields, 'orderNo'),
      amountMinor: wholeNumberOf(fields, 'amountMinor', 1),
      currency: textOf(fields, 'currency'),
      occurredAt: timeOf(fields, 'occurredAt'),
    };
    if (event.type !== type) throw poison(`type is ${event.type}, it must be ${type}`);
    return event;
  };
}
