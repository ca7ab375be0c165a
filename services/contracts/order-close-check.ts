/**
 * ORDER_CLOSE_CHECK: the order service's note to itself, delivered when the time to pay is over. Key: the order number.
 *
 * One delayed message for every order, sent before the order is committed: no order is without one, and some have no
 * order. Tag: CloseCheck. Orders of a flash sale, which are placed hundreds at a time, have one for all of a batch instead.
 * Tag: FlashCloseCheck; key: the transaction that places them. Body: the check as JSON, UTF-8.
 */
import { fieldsOf, keyOf, listOf, textOf, timeOf, typeOf } from './message-body.ts';

export const ORDER_CLOSE_CHECK = 'ORDER_CLOSE_CHECK';
export const ORDER_CLOSE_CHECK_TAG = 'CloseCheck';
export const FLASH_CLOSE_CHECK_TAG = 'FlashCloseCheck';

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

/** A check of each of these orders is due. Those that are paid by then, most of them one hopes, cost nothing more. */
export interface FlashCloseCheck {
  type: 'FlashCloseCheck';
  eventId: string;
  orders: readonly { orderNo: string }[];
  transactionKey: string;
  payBy: string;
}

/** Errors: MESSAGE.POISON naming what is wrong, without repeating the payload. */
export function parseFlashCloseCheck(body: string): FlashCloseCheck {
  const fields = fieldsOf(body);
  return {
    type: typeOf(fields, [FLASH_CLOSE_CHECK_TAG]),
    eventId: textOf(fields, 'eventId'),
    orders: listOf(fields, 'orders', (entry) => ({ orderNo: keyOf(entry, 'orderNo') })),
    transactionKey: keyOf(fields, 'transactionKey'),
    payBy: timeOf(fields, 'payBy'),
  };
}
