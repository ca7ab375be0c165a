import type { OutgoingEvent } from '../../common/outbox.ts';
import {
  ORDER_EVENTS,
  OrderEventTag,
  type OrderCreated,
  type OrderPaid,
} from '../../contracts/order-events.ts';
import type { Order } from '../domain/order.ts';

/** What an order's changes look like to the other services. The eventId is given by the outbox. */
export function orderCreated(order: Order): OutgoingEvent {
  const payload: Omit<OrderCreated, 'eventId'> = {
    type: OrderEventTag.Created,
    ...factsOf(order),
    items: order.items,
    occurredAt: order.placedAt.toISOString(),
  };
  return announcement(payload, order.placedAt);
}

export function orderPaid(order: Order, paidAt: Date): OutgoingEvent {
  const payload: Omit<OrderPaid, 'eventId'> = {
    type: OrderEventTag.Paid,
    ...factsOf(order),
    occurredAt: paidAt.toISOString(),
  };
  return announcement(payload, paidAt);
}

function announcement(
  payload: Omit<OrderCreated, 'eventId'> | Omit<OrderPaid, 'eventId'>,
  createdAt: Date,
): OutgoingEvent {
  return { topic: ORDER_EVENTS, tag: payload.type, key: payload.orderNo, payload, createdAt };
}

function factsOf({ orderNo, userId, totalMinor, currency }: Order): {
  orderNo: string;
  userId: string;
  totalMinor: number;
  currency: string;
} {
  return { orderNo, userId, totalMinor, currency };
}
