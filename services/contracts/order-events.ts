/**
 * ORDER_EVENTS: what the order service tells everybody else. Key: the order number.
 *
 * Sent as half messages: an event is seen if, and only if, the change it tells of has been committed.
 * Order:  the events of an order go into one queue in the order they happened. One whose commit was lost on the way
 *         comes later, when the broker has asked for it; so may arrive after the next one.
 * Copies: a message may arrive more than once; `eventId` is the same each time and different for every event.
 * Tags:   one per event type, so that the broker filters. Body: the event as JSON, UTF-8.
 */
import type { MinorUnits } from '../common/money.ts';
import {
  booleanOf,
  fieldsOf,
  itemsOf,
  keyOf,
  listOf,
  poison,
  textOf,
  timeOf,
  typeOf,
  wholeNumberOf,
  type Fields,
} from './message-body.ts';

export const ORDER_EVENTS = 'ORDER_EVENTS';

export const OrderEventTag = {
  Created: 'Created',
  Paid: 'Paid',
  Closed: 'Closed',
  PaidTooLate: 'PaidTooLate',
  Shipped: 'Shipped',
  RefundRequested: 'RefundRequested',
  Refunded: 'Refunded',
} as const;
export type OrderEventTag = (typeof OrderEventTag)[keyof typeof OrderEventTag];

interface OrderFacts {
  eventId: string;
  orderNo: string;
  userId: string;
  totalMinor: MinorUnits;
  currency: string;
  /** When it happened, ISO 8601 in UTC; not when it was sent. */
  occurredAt: string;
}

export interface OrderedItem {
  sku: string;
  quantity: number;
  unitPriceMinor: MinorUnits;
}

export interface OrderCreated extends OrderFacts {
  type: 'Created';
  items: readonly OrderedItem[];
}

export interface OrderPaid extends OrderFacts {
  type: 'Paid';
  paymentNo: string;
  items: readonly OrderedItem[];
}

/** Nobody paid in time. Whatever was set aside for the order is free again. */
export interface OrderClosed extends OrderFacts {
  type: 'Closed';
}

/** A payment succeeded after the order was closed: all of it goes back, and nothing else is owed to anybody. */
export interface OrderPaidTooLate extends OrderFacts {
  type: 'PaidTooLate';
  paymentNo: string;
  refundNo: string;
  refundMinor: MinorUnits;
}

export interface OrderShipped extends OrderFacts {
  type: 'Shipped';
  trackingNo: string;
}

/** A refund has begun; the order says REFUNDING until it is through. */
export interface OrderRefundRequested extends OrderFacts {
  type: 'RefundRequested';
  paymentNo: string;
  refundNo: string;
  refundMinor: MinorUnits;
  /** What comes back. */
  items: readonly RefundedItem[];
  /** True when nothing of the order is left unrefunded after this. */
  isWhole: boolean;
}

export interface RefundedItem {
  sku: string;
  quantity: number;
}

/** Every step of the refund is done. */
export interface OrderRefunded extends OrderFacts {
  type: 'Refunded';
  refundNo: string;
  refundMinor: MinorUnits;
}

export type OrderEvent =
  | OrderCreated
  | OrderPaid
  | OrderClosed
  | OrderPaidTooLate
  | OrderShipped
  | OrderRefundRequested
  | OrderRefunded;

type OfType<Tag extends OrderEventTag> = Extract<OrderEvent, { type: Tag }>;

/**
 * Reads a message body that claims to be an order event. Unknown extra fields are let pass: a newer sender may add some.
 *
 * Errors: MESSAGE.POISON naming what is wrong, without repeating the payload.
 */
export function parseOrderEvent(body: string): OrderEvent {
  const fields = fieldsOf(body);
  const type = typeOf(fields, Object.values(OrderEventTag));
  const facts: OrderFacts = {
    eventId: textOf(fields, 'eventId'),
    orderNo: keyOf(fields, 'orderNo'),
    userId: textOf(fields, 'userId'),
    totalMinor: wholeNumberOf(fields, 'totalMinor', 0),
    currency: textOf(fields, 'currency'),
    occurredAt: timeOf(fields, 'occurredAt'),
  };
  switch (type) {
    case 'Created':
      return { ...facts, type, items: orderedItemsOf(fields) };
    case 'Paid':
      return {
        ...facts,
        type,
        paymentNo: keyOf(fields, 'paymentNo'),
        items: orderedItemsOf(fields),
      };
    case 'Closed':
      return { ...facts, type };
    case 'PaidTooLate':
      return { ...facts, type, paymentNo: keyOf(fields, 'paymentNo'), ...refundOf(fields) };
    case 'Shipped':
      return { ...facts, type, trackingNo: keyOf(fields, 'trackingNo') };
    case 'RefundRequested':
      return {
        ...facts,
        type,
        paymentNo: keyOf(fields, 'paymentNo'),
        ...refundOf(fields),
        items: itemsOf(fields),
        isWhole: booleanOf(fields, 'isWhole'),
      };
    default:
      return { ...facts, type, ...refundOf(fields) } satisfies OrderRefunded;
  }
}

/** For a consumer of some types only. Errors: MESSAGE.POISON also when the event is of another type. */
export function parseOrderEventOf<Tag extends OrderEventTag>(
  ...types: readonly Tag[]
): (body: string) => OfType<Tag> {
  return (body) => {
    const event = parseOrderEvent(body);
    const type = types.find((each) => each === event.type);
    if (type === undefined) {
      throw poison(`type is ${event.type}, it must be ${types.join(' or ')}`);
    }
    return event as OfType<Tag>;
  };
}

function refundOf(fields: Fields): { refundNo: string; refundMinor: MinorUnits } {
  return {
    refundNo: keyOf(fields, 'refundNo'),
    refundMinor: wholeNumberOf(fields, 'refundMinor', 0),
  };
}

function orderedItemsOf(fields: Fields): OrderedItem[] {
  return listOf(fields, 'items', (item, path) => ({
    sku: textOf(item, 'sku', path),
    quantity: wholeNumberOf(item, 'quantity', 1, path),
    unitPriceMinor: wholeNumberOf(item, 'unitPriceMinor', 0, path),
  }));
}
