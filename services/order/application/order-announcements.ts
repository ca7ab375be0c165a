import type { OutgoingEvent } from '../../common/outgoing-event.ts';
import { ORDER_EVENTS, type OrderEvent, type OrderEventTag } from '../../contracts/order-events.ts';
import type { OrderRefund } from '../domain/order-refund.ts';
import type { Order } from '../domain/order.ts';

/** What an order's changes look like to the other services. The eventId is given by whoever sends them. */
export function orderCreated(order: Order): OutgoingEvent {
  return announcement(order, order.placedAt, { type: 'Created', items: order.items });
}

export function orderPaid(order: Order, paymentNo: string, paidAt: Date): OutgoingEvent {
  return announcement(order, paidAt, { type: 'Paid', paymentNo, items: order.items });
}

export function orderClosed(order: Order, closedAt: Date): OutgoingEvent {
  return announcement(order, closedAt, { type: 'Closed' });
}

export function orderShipped(order: Order, trackingNo: string, shippedAt: Date): OutgoingEvent {
  return announcement(order, shippedAt, { type: 'Shipped', trackingNo });
}

/** A refund that a customer wants, or of money that came too late. */
export function refundBegun(order: Order, refund: OrderRefund): OutgoingEvent {
  const { refundNo, paymentNo, amountMinor: refundMinor, items, isWhole } = refund;
  const facts = { refundNo, paymentNo, refundMinor };
  return announcement(
    order,
    refund.requestedAt,
    refund.reason === 'LATE_PAYMENT'
      ? { type: 'PaidTooLate', ...facts }
      : { type: 'RefundRequested', ...facts, items, isWhole },
  );
}

export function refundCompleted(
  order: Order,
  { refundNo, amountMinor: refundMinor }: OrderRefund,
  completedAt: Date,
): OutgoingEvent {
  return announcement(order, completedAt, { type: 'Refunded', refundNo, refundMinor });
}

type Facts = 'eventId' | 'orderNo' | 'userId' | 'totalMinor' | 'currency' | 'occurredAt';
type OwnPart<E> = E extends { type: OrderEventTag } ? Omit<E, Facts> : never;

function announcement(order: Order, at: Date, own: OwnPart<OrderEvent>): OutgoingEvent {
  const { orderNo, userId, totalMinor, currency } = order;
  const facts = { orderNo, userId, totalMinor, currency, occurredAt: at.toISOString() };
  const payload: { type: OrderEventTag } = { ...own, ...facts };
  return { topic: ORDER_EVENTS, tag: payload.type, key: orderNo, payload, createdAt: at };
}
