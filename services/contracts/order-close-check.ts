/**
 * ORDER_CLOSE_CHECK: the order service's note to itself, delivered when the time to pay is over. Key: the order number.
 *
 * One delayed message for every order, sent before the order is committed: no order is without one, and some have no
 * order. Tag: CloseCheck. Body: the check as JSON, UTF-8.
 */
import { fieldsOf, keyOf, textOf, timeOf, typeOf } from './message-body.ts';

export const ORDER_CLOSE_CHECK = 'ORDER_CLOSE_CHECK';
export const ORDER_CLOSE_CHECK_TAG = 'CloseCheck';

export interface OrderCloseCheck {
  type: 'CloseCheck';
  eventId: string;
  orderNo: string;
  /** The transaction that places the order, to be ended when the check finds no order. */
  transactionKey: string;
  /** Until then the order may be paid, ISO 8601 in UTC by the clock of whoever placed it. */
  payBy: string;
}

/** Errors: MESSAGE.POISON naming what is wrong, without repeating the payload. */
export function parseOrderCloseCheck(body: string): OrderCloseCheck {
  const fields = fieldsOf(body);
  return {
    type: typeOf(fields, [ORDER_CLOSE_CHECK_TAG]),
    eventId: textOf(fields, 'eventId'),
    orderNo: keyOf(fields, 'orderNo'),
    transactionKey: keyOf(fields, 'transactionKey'),
    payBy: timeOf(fields, 'payBy'),
  };
}
