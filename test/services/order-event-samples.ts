import type {
  OrderClosed,
  OrderCreated,
  OrderPaid,
} from '../../services/contracts/order-events.ts';

const facts = {
  orderNo: '20261120-7K3M9Q2T4VXA',
  userId: 'user-1',
  totalMinor: 1_380,
  currency: 'EUR',
};

export const createdEvent: OrderCreated = {
  type: 'Created',
  eventId: 'c3d5a3a0-0000-4000-8000-000000000001',
  ...facts,
  items: [{ sku: 'TEA-GREEN-100', quantity: 2, unitPriceMinor: 690 }],
  occurredAt: '2026-11-20T10:00:00.000Z',
};

export const paidEvent: OrderPaid = {
  type: 'Paid',
  eventId: 'c3d5a3a0-0000-4000-8000-000000000002',
  ...facts,
  occurredAt: '2026-11-20T10:01:00.000Z',
};

export const closedEvent: OrderClosed = {
  type: 'Closed',
  eventId: 'c3d5a3a0-0000-4000-8000-000000000003',
  ...facts,
  occurredAt: '2026-11-20T10:30:00.000Z',
};
