import { describe, expect, it } from '@jest/globals';
import { parseOrderEvent } from '../../../../services/contracts/order-events.ts';
import {
  orderClosed,
  orderCreated,
  orderPaid,
} from '../../../../services/order/application/order-announcements.ts';
import { closedEvent, createdEvent, paidEvent } from '../../order-event-samples.ts';

const order = {
  orderNo: createdEvent.orderNo,
  userId: createdEvent.userId,
  status: 'PENDING' as const,
  items: createdEvent.items,
  totalMinor: createdEvent.totalMinor,
  currency: createdEvent.currency,
  placedAt: new Date(createdEvent.occurredAt),
};

describe('what an order announces', () => {
  it('is what the others read: the order as created', () => {
    const { payload, ...envelope } = orderCreated(order);
    expect(envelope).toEqual({
      topic: 'ORDER_EVENTS',
      tag: 'Created',
      key: order.orderNo,
      createdAt: order.placedAt,
    });
    const body = JSON.stringify({ eventId: createdEvent.eventId, ...payload });
    expect(parseOrderEvent(body)).toEqual(createdEvent);
  });

  it('is what the others read: the order as paid', () => {
    const { payload, ...envelope } = orderPaid(order, new Date(paidEvent.occurredAt));
    expect(envelope).toMatchObject({ tag: 'Paid', key: order.orderNo });
    const body = JSON.stringify({ eventId: paidEvent.eventId, ...payload });
    expect(parseOrderEvent(body)).toEqual(paidEvent);
  });

  it('is what the others read: the order as closed', () => {
    const { payload, ...envelope } = orderClosed(order, new Date(closedEvent.occurredAt));
    expect(envelope).toMatchObject({ tag: 'Closed', key: order.orderNo });
    const body = JSON.stringify({ eventId: closedEvent.eventId, ...payload });
    expect(parseOrderEvent(body)).toEqual(closedEvent);
  });
});
