/**
 * ORDER_EVENTS: what the order service tells everybody else. Key: the order number. Order: per order number.
 *
 * A message may arrive more than once; `eventId` is the same each time and different for every event.
 * Tags: one per event type, so that the broker filters. Body: the event as JSON, UTF-8.
 */
import { DomainError } from '../common/errors.ts';
import type { MinorUnits } from '../common/money.ts';

export const ORDER_EVENTS = 'ORDER_EVENTS';

export const OrderEventTag = { Created: 'Created', Paid: 'Paid' } as const;
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

export type OrderEvent = OrderCreated | OrderPaid;

/**
 * Reads a message body that claims to be an order event. Unknown extra fields are let pass: a newer sender may add some.
 *
 * Errors: MESSAGE.POISON naming what is wrong, without repeating the payload.
 */
export function parseOrderEvent(body: string): OrderEvent {
  const record = asRecord('body', parseJson(body));
  const type = textOf(record, 'type');
  const facts: OrderFacts = {
    eventId: textOf(record, 'eventId'),
    orderNo: textOf(record, 'orderNo'),
    userId: textOf(record, 'userId'),
    totalMinor: wholeNumberOf(record, 'totalMinor', 0),
    currency: textOf(record, 'currency'),
    occurredAt: timeOf(record, 'occurredAt'),
  };
  switch (type) {
    case 'Created':
      return { ...facts, type, items: itemsOf(record) };
    case 'Paid':
      return { ...facts, type };
    default:
      throw poison(`type is ${JSON.stringify(type.slice(0, 40))}, it must be Created or Paid`);
  }
}

/** Errors: MESSAGE.POISON also when the event is of another type. */
export function parseOrderPaid(body: string): OrderPaid {
  const event = parseOrderEvent(body);
  if (event.type !== 'Paid') throw poison(`type is ${event.type}, it must be Paid`);
  return event;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Without the parser's own error as the cause: it quotes the body, and the cause is logged.
    throw poison('the body is not JSON');
  }
}

function itemsOf(record: Record<string, unknown>): OrderCreatedItem[] {
  const items = record['items'];
  if (!Array.isArray(items) || items.length === 0) throw poison('items is not a filled list');
  return items.map((value: unknown, index) => {
    const item = asRecord(`items[${index}]`, value);
    return {
      sku: textOf(item, 'sku', `items[${index}].`),
      quantity: wholeNumberOf(item, 'quantity', 1, `items[${index}].`),
      unitPriceMinor: wholeNumberOf(item, 'unitPriceMinor', 0, `items[${index}].`),
    };
  });
}

function asRecord(field: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw poison(`${field} is not an object`);
  }
  return value as Record<string, unknown>;
}

const MAX_TEXT_CHARACTERS = 128;

function textOf(record: Record<string, unknown>, field: string, path = ''): string {
  const value = record[field];
  if (typeof value !== 'string' || value === '') throw poison(`${path}${field} is not a text`);
  if (value.length > MAX_TEXT_CHARACTERS) {
    throw poison(
      `${path}${field} has ${value.length} characters, at most ${MAX_TEXT_CHARACTERS} are allowed`,
    );
  }
  return value;
}

function wholeNumberOf(
  record: Record<string, unknown>,
  field: string,
  lowest: number,
  path = '',
): number {
  const value = record[field];
  if (!Number.isSafeInteger(value) || (value as number) < lowest) {
    throw poison(`${path}${field} is not an integer ≥ ${lowest}`);
  }
  return value as number;
}

function timeOf(record: Record<string, unknown>, field: string): string {
  const value = textOf(record, field);
  if (Number.isNaN(Date.parse(value))) throw poison(`${field} is not a time`);
  return value;
}

function poison(reason: string): DomainError {
  return new DomainError('MESSAGE.POISON', 'invalid', reason);
}
