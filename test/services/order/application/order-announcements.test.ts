import { describe, expect, it } from '@jest/globals';
import type { OutgoingEvent } from '../../../../services/common/outgoing-event.ts';
import { parseOrderEvent, type OrderEvent } from '../../../../services/contracts/order-events.ts';
import {
  orderClosed,
  orderCreated,
  orderPaid,
  orderShipped,
  refundBegun,
  refundCompleted,
} from '../../../../services/order/application/order-announcements.ts';
import {
  closedEvent,
  createdEvent,
  paidEvent,
  paidTooLateEvent,
  refundedEvent,
  refundRequestedEvent,
  shippedEvent,
} from '../../order-event-samples.ts';

const order = {
  orderNo: createdEvent.orderNo,
  userId: createdEvent.userId,
  status: 'PENDING' as const,
  items: createdEvent.items,
  discountMinor: 0,
  totalMinor: createdEvent.totalMinor,
  currency: createdEvent.currency,
  placedAt: new Date(createdEvent.occurredAt),
};

const refund = {
  refundNo: refundRequestedEvent.refundNo,
  orderNo: order.orderNo,
  paymentNo: 'P-1',
  amountMinor: refundRequestedEvent.refundMinor,
};

const announcements: [OutgoingEvent, OrderEvent][] = [
  [orderCreated(order), createdEvent],
  [orderPaid(order, 'P-1', new Date(paidEvent.occurredAt)), paidEvent],
  [orderClosed(order, new Date(closedEvent.occurredAt)), closedEvent],
  [orderShipped(order, 'T-1', new Date(shippedEvent.occurredAt)), shippedEvent],
  [
    refundBegun(order, {
      ...refund,
      reason: 'CUSTOMER',
      items: refundRequestedEvent.items,
      isWhole: false,
      requestedAt: new Date(refundRequestedEvent.occurredAt),
    }),
    refundRequestedEvent,
  ],
  [
    refundBegun(order, {
      ...refund,
      reason: 'LATE_PAYMENT',
      items: [],
      isWhole: true,
      requestedAt: new Date(paidTooLateEvent.occurredAt),
    }),
    paidTooLateEvent,
  ],
  [
    refundCompleted(
      order,
      {
        ...refund,
        reason: 'CUSTOMER',
        items: [],
        isWhole: false,
        requestedAt: new Date(refundRequestedEvent.occurredAt),
      },
      new Date(refundedEvent.occurredAt),
    ),
    refundedEvent,
  ],
];

describe('what an order announces', () => {
  it.each(announcements.map(([announced, event]) => ({ type: event.type, announced, event })))(
    'is what the others read: $type',
    ({ announced, event }) => {
      const { payload, ...envelope } = announced;
      expect(envelope).toEqual({
        topic: 'ORDER_EVENTS',
        tag: event.type,
        key: order.orderNo,
        createdAt: new Date(event.occurredAt),
      });
      const body = JSON.stringify({ eventId: event.eventId, ...payload });
      expect(parseOrderEvent(body)).toEqual(event);
    },
  );
});
