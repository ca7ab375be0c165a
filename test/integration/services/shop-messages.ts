import { randomUUID } from 'node:crypto';
import type { Producer } from '../../../mq/index.ts';
import type { TestBroker } from '../../../mq/testkit.ts';
import { NOTIFICATION_EVENTS } from '../../../services/contracts/notification-events.ts';
import { ORDER_CLOSE_CHECK } from '../../../services/contracts/order-close-check.ts';
import { ORDER_EVENTS } from '../../../services/contracts/order-events.ts';
import { PAYMENT_EVENTS, type PaymentEvent } from '../../../services/contracts/payment-events.ts';
import { PAYMENT_QUERY } from '../../../services/contracts/payment-query.ts';
import {
  REFUND_COMPLETED,
  REFUND_EVENTS,
  type RefundCompleted,
} from '../../../services/contracts/refund-events.ts';
import { REFUND_STEP_RESULTS } from '../../../services/contracts/refund-step-results.ts';
import { RESERVATION_CHECK } from '../../../services/contracts/reservation-check.ts';
import {
  WAREHOUSE_EVENTS,
  type ShipmentShipped,
} from '../../../services/contracts/warehouse-events.ts';
import { until } from '../../support/deadline.ts';

/** Every topic of the shop, so that no consumer waits for one that its test forgot. */
export async function createShopTopics(broker: TestBroker, queueCount?: number): Promise<void> {
  const topics = [
    ORDER_EVENTS,
    ORDER_CLOSE_CHECK,
    PAYMENT_EVENTS,
    PAYMENT_QUERY,
    WAREHOUSE_EVENTS,
    REFUND_EVENTS,
    REFUND_STEP_RESULTS,
    RESERVATION_CHECK,
    NOTIFICATION_EVENTS,
  ];
  await Promise.all(topics.map((topic) => broker.createTopic(topic, queueCount)));
}

/** What the messages below need to know of an order: an answer of the order service has it. */
export interface PayableOrder {
  orderNo: string;
  totalMinor: number;
}

/** Tells, as the payment service does, that an order's payment has succeeded. */
export async function paymentSucceeded(
  producer: Producer,
  { orderNo, totalMinor }: PayableOrder,
  other: Partial<PaymentEvent> = {},
): Promise<PaymentEvent> {
  const event: PaymentEvent = {
    type: 'Succeeded',
    eventId: randomUUID(),
    paymentNo: `PAY-${orderNo}`,
    orderNo,
    amountMinor: totalMinor,
    currency: 'EUR',
    occurredAt: new Date().toISOString(),
    ...other,
  };
  await send(producer, PAYMENT_EVENTS, event);
  return event;
}

/** Tells, as the warehouse does, that an order is on its way. */
export async function shipped(
  producer: Producer,
  orderNo: string,
  other: Partial<ShipmentShipped> = {},
): Promise<ShipmentShipped> {
  const event: ShipmentShipped = {
    type: 'Shipped',
    eventId: randomUUID(),
    orderNo,
    shipmentNo: `SHIP-${orderNo}`,
    trackingNo: `TRACK-${orderNo}`,
    occurredAt: new Date().toISOString(),
    ...other,
  };
  await send(producer, WAREHOUSE_EVENTS, event);
  return event;
}

/** Tells, as the refund service does, that every step of a refund is done. */
export async function refundIsThrough(
  producer: Producer,
  refund: { refundNo: string; orderNo: string; amountMinor: number },
  other: Partial<RefundCompleted> = {},
): Promise<RefundCompleted> {
  const event: RefundCompleted = {
    type: REFUND_COMPLETED,
    eventId: randomUUID(),
    refundNo: refund.refundNo,
    orderNo: refund.orderNo,
    userId: 'user-1',
    paymentNo: `PAY-${refund.orderNo}`,
    refundMinor: refund.amountMinor,
    orderTotalMinor: refund.amountMinor,
    currency: 'EUR',
    occurredAt: new Date().toISOString(),
    ...other,
  };
  await send(producer, REFUND_EVENTS, event);
  return event;
}

/** Also to a broker that has just come back, which the producer finds a moment later. */
async function send(
  producer: Producer,
  topic: string,
  event: { type: string; orderNo: string },
): Promise<void> {
  const { orderNo } = event;
  const message = {
    topic,
    tags: event.type,
    keys: orderNo,
    shardingKey: orderNo,
    body: JSON.stringify(event),
  };
  await until(() => producer.send(message), {
    what: `${event.type} of ${orderNo} sent`,
    pollMs: 50,
    timeoutMs: 30_000,
  });
}
