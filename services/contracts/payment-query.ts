/**
 * PAYMENT_QUERY: the payment service's note to itself, delivered when the channel should have called back. Key: the order
 * number. One delayed message for every payment, sent before the payment is committed. Tag: Query. Body: JSON, UTF-8.
 */
import { fieldsOf, keyOf, textOf, typeOf } from './message-body.ts';

export const PAYMENT_QUERY = 'PAYMENT_QUERY';
export const PAYMENT_QUERY_TAG = 'Query';

export interface PaymentQuery {
  type: 'Query';
  eventId: string;
  orderNo: string;
  paymentNo: string;
  /** The transaction that makes the payment, to be ended when the query finds no payment. */
  transactionKey: string;
}

/** Errors: MESSAGE.POISON naming what is wrong, without repeating the payload. */
export function parsePaymentQuery(body: string): PaymentQuery {
  const fields = fieldsOf(body);
  return {
    type: typeOf(fields, [PAYMENT_QUERY_TAG]),
    eventId: textOf(fields, 'eventId'),
    orderNo: keyOf(fields, 'orderNo'),
    paymentNo: keyOf(fields, 'paymentNo'),
    transactionKey: keyOf(fields, 'transactionKey'),
  };
}
