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
  asFields,
  fieldsOf,
  keyOf,
  poison,
  textOf,
  timeOf,
  typeOf,
  wholeNumberOf,
  type Fields,
} from './message-body.ts';

export const ORDER_EVENTS = 'ORDER_EVENTS';

export const OrderEventTag = { Created: 'Created', Paid: 'Paid', Closed: 'Closed' } as const;
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

export interface OrderCreated extends OrderFacts {
  type: 'Created';
  items: readonly OrderCreatedItem[];
}

export interface OrderCreatedItem {
  sku: string;
  quantity: number;
  unitPriceMinor: MinorUnits;
}

export interface OrderPaid extends OrderFacts {
  type: 'Paid';
}

/** Nobody paid in time. Whatever was set aside for the order is free again. */
export interface OrderClosed extends OrderFacts {
  type: 'Closed';
}

export type OrderEvent = OrderCreated | OrderPaid | OrderClosed;

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
  return type === 'Created' ? { ...facts, type, items: itemsOf(fields) } : { ...facts, type };
}

/** Errors: MESSAGE.POISON also when the event is of another type. */
export function parseOrderPaid(body: string): OrderPaid {
  const event = parseOrderEvent(body);
  if (event.type !== 'Paid') throw poison(`type is ${event.type}, it must be Paid`);
  return event;
}

function itemsOf(fields: Fields): OrderCreatedItem[] {
  const items = fields['items'];
  if (!Array.isArray(items) || items.length === 0) throw poison('items is not a filled list');
  return items.map((value: unknown, index) => {
    const item = asFields(`items[${index}]`, value);
    return {
      sku: textOf(item, 'sku', `items[${index}].`),
      quantity: wholeNumberOf(item, 'quantity', 1, `items[${index}].`),
      unitPriceMinor: wholeNumberOf(item, 'unitPriceMinor', 0, `items[${index}].`),
    };
  });
}
