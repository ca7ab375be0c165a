/**
 * RESERVATION_CHECK: a note to itself of whoever has set something aside for an order that is just being placed: did the
 * order come to be? Key: the order number. Delayed; sent before the reservation is committed, so that none is without.
 *
 * Tags: who asks. Stock (goods are reserved) and Coupon (a coupon is redeemed). Body: JSON, UTF-8.
 */
import { fieldsOf, keyOf, textOf, typeOf } from './message-body.ts';

export const RESERVATION_CHECK = 'RESERVATION_CHECK';

export const ReservationCheckTag = { Stock: 'Stock', Coupon: 'Coupon' } as const;
export type ReservationCheckTag = (typeof ReservationCheckTag)[keyof typeof ReservationCheckTag];

export interface ReservationCheck {
  type: ReservationCheckTag;
  eventId: string;
  orderNo: string;
  /** The order service's transaction that places the order; it is asked how that ended. */
  transactionKey: string;
}

/** Errors: MESSAGE.POISON naming what is wrong, without repeating the payload. */
export function parseReservationCheck(body: string): ReservationCheck {
  const fields = fieldsOf(body);
  return {
    type: typeOf(fields, Object.values(ReservationCheckTag)),
    eventId: textOf(fields, 'eventId'),
    orderNo: keyOf(fields, 'orderNo'),
    transactionKey: keyOf(fields, 'transactionKey'),
  };
}
