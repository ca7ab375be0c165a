import type {
  OrderClosed,
  OrderCreated,
  OrderPaid,
  OrderPaidTooLate,
  OrderRefunded,
  OrderRefundRequested,
  OrderShipped,
} from '../../services/contracts/order-events.ts';

const facts = {
  orderNo: '20261120-7K3M9Q2T4VXA',
  userId: 'user-1',
  totalMinor: 1_380,
  currency: 'EUR',
};

const items = [{ sku: 'TEA-GREEN-100', quantity: 2, unitPriceMinor: 690 }];
const refund = { refundNo: '20261120-9Q2T4VXA7K3M', refundMinor: 690 };

export const createdEvent: OrderCreated = {
  type: 'Created',
  eventId: 'c3d5a3a0-0000-4000-8000-000000000001',
  ...facts,
  items,
  occurredAt: '2026-11-20T10:00:00.000Z',
};

export const paidEvent: OrderPaid = {
  type: 'Paid',
  eventId: 'c3d5a3a0-0000-4000-8000-000000000002',
  ...facts,
  paymentNo: 'P-1',
  items,
  occurredAt: '2026-11-20T10:01:00.000Z',
};

export const closedEvent: OrderClosed = {
  type: 'Closed',
  eventId: 'c3d5a3a0-0000-4000-8000-000000000003',
  ...facts,
  occurredAt: '2026-11-20T10:30:00.000Z',
};

export const paidTooLateEvent: OrderPaidTooLate = {
  type: 'PaidTooLate',
  eventId: 'c3d5a3a0-0000-4000-8000-000000000004',
  ...facts,
  paymentNo: 'P-1',
  ...refund,
  occurredAt: '2026-11-20T10:31:00.000Z',
};

export const shippedEvent: OrderShipped = {
  type: 'Shipped',
  eventId: 'c3d5a3a0-0000-4000-8000-000000000005',
  ...facts,
  trackingNo: 'T-1',
  occurredAt: '2026-11-20T11:00:00.000Z',
};

export const refundRequestedEvent: OrderRefundRequested = {
  type: 'RefundRequested',
  eventId: 'c3d5a3a0-0000-4000-8000-000000000006',
  ...facts,
  paymentNo: 'P-1',
  ...refund,
  items: [{ sku: 'TEA-GREEN-100', quantity: 1 }],
  isWhole: false,
  occurredAt: '2026-11-20T12:00:00.000Z',
};

export const refundedEvent: OrderRefunded = {
  type: 'Refunded',
  eventId: 'c3d5a3a0-0000-4000-8000-000000000007',
  ...facts,
  ...refund,
  occurredAt: '2026-11-20T13:00:00.000Z',
};

export const everyOrderEvent = [
  createdEvent,
  paidEvent,
  closedEvent,
  paidTooLateEvent,
  shippedEvent,
  refundRequestedEvent,
  refundedEvent,
] as const;
