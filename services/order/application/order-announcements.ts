import type { OutgoingEvent } from '../../common/outgoing-event.ts';
import {
  ORDER_EVENTS,
  OrderEventTag,
  type OrderClosed,
  type OrderCreated,
  type OrderPaid,
} from '../../contracts/order-events.ts';
import type { Order } from '../domain/order.ts';

/** What an order's changes look like to the other services. The eventId is given by whoever sends them. */
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

export function orderClosed(order: Order, closedAt: Date): OutgoingEvent {
  const payload: Omit<OrderClosed, 'eventId'> = {
    type: OrderEventTag.Closed,
    ...factsOf(order),
    occurredAt: closedAt.toISOString(),
  };
  return announcement(payload, closedAt);
}

function announcement(
  payload:
    Omit<OrderCreated, 'eventId'> | Omit<OrderPaid, 'eventId'> | Omit<OrderClosed, 'eventId'>,
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
