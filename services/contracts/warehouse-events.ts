/**
 * WAREHOUSE_EVENTS: what the warehouse tells everybody else. Key: the order number.
 *
 * ShipmentRequested is sent through the outbox, for it may have to wait until the parcel is packed; Shipped as a half
 * message. Copies: a message may arrive more than once; `eventId` is the same each time and different for
 * every event. Tags: one per event type. Body: the event as JSON, UTF-8.
 */
import { fieldsOf, keyOf, poison, textOf, timeOf, typeOf } from './message-body.ts';

export const WAREHOUSE_EVENTS = 'WAREHOUSE_EVENTS';

export const WarehouseEventTag = {
  /** To be handed to the carrier; the warehouse takes this one itself. */
  ShipmentRequested: 'ShipmentRequested',
  Shipped: 'Shipped',
} as const;

interface ShipmentFacts {
  eventId: string;
  orderNo: string;
  shipmentNo: string;
  /** When it happened, ISO 8601 in UTC. */
  occurredAt: string;
}

export interface ShipmentRequested extends ShipmentFacts {
  type: 'ShipmentRequested';
}

export interface ShipmentShipped extends ShipmentFacts {
  type: 'Shipped';
  trackingNo: string;
}

/** Errors: MESSAGE.POISON naming what is wrong, without repeating the payload. */
export function parseShipmentRequested(body: string): ShipmentRequested {
  const { facts, type } = read(body);
  if (type !== 'ShipmentRequested') throw poison(`type is ${type}, it must be ShipmentRequested`);
  return { ...facts, type };
}

/** Errors: MESSAGE.POISON naming what is wrong, without repeating the payload. */
export function parseShipped(body: string): ShipmentShipped {
  const { fields, facts, type } = read(body);
  if (type !== 'Shipped') throw poison(`type is ${type}, it must be Shipped`);
  return { ...facts, type, trackingNo: keyOf(fields, 'trackingNo') };
}

function read(body: string) {
  const fields = fieldsOf(body);
  const type = typeOf(fields, Object.values(WarehouseEventTag));
  const facts: ShipmentFacts = {
    eventId: textOf(fields, 'eventId'),
    orderNo: keyOf(fields, 'orderNo'),
    shipmentNo: keyOf(fields, 'shipmentNo'),
    occurredAt: timeOf(fields, 'occurredAt'),
  };
  return { fields, facts, type };
}
