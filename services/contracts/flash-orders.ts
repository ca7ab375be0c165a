/**
 * FLASH_ORDERS: customers who were admitted to a flash sale, from its gate to its keeper, which has their orders placed at the
 * database's pace. Key: the ticket's number, which is the order's number, too.
 *
 * Copies: a message may arrive more than once; the ticket's number is the same each time.
 * Order:  of no account; tickets are spread over all queues. Tag: Requested. Body: JSON, UTF-8.
 */
import { createHash } from 'node:crypto';
import { fieldsOf, keyOf, poison, textOf, timeOf, wholeNumberOf } from './message-body.ts';

export const FLASH_ORDERS = 'FLASH_ORDERS';
export const FLASH_ORDERS_TAG = 'Requested';

export interface FlashOrderRequested {
  ticketNo: string;
  saleId: string;
  sku: string;
  userId: string;
  /** A ticket is good for one piece. */
  quantity: 1;
  /** By Redis's clock, ISO 8601 in UTC. */
  admittedAt: string;
}

const documentNoPattern = /^\d{8}-[0-9A-HJKMNP-TV-Z]{12}$/;
const skuPattern = /^[A-Z0-9-]{1,32}$/;
const userIdPattern = /^[\w.@-]{1,64}$/;

/** Errors: MESSAGE.POISON naming what is wrong, without repeating the payload. */
export function parseFlashOrderRequested(body: string): FlashOrderRequested {
  const fields = fieldsOf(body);
  const quantity = wholeNumberOf(fields, 'quantity', 1);
  if (quantity !== 1) throw poison(`quantity is ${quantity}, a ticket is good for 1`);
  const ticketNo = keyOf(fields, 'ticketNo');
  if (!documentNoPattern.test(ticketNo)) throw poison('ticketNo is no document number');
  const saleId = keyOf(fields, 'saleId');
  if (!documentNoPattern.test(saleId)) throw poison('saleId is no document number');
  const sku = textOf(fields, 'sku');
  if (!skuPattern.test(sku)) throw poison('sku is not 1 to 32 characters A-Z, 0-9 and -');
  const userId = textOf(fields, 'userId');
  if (!userIdPattern.test(userId)) {
    throw poison('userId is not 1 to 64 letters, digits or one of . _ @ -');
  }
  return { ticketNo, saleId, sku, userId, quantity, admittedAt: timeOf(fields, 'admittedAt') };
}

/**
 * The eventId of the Created of the order that comes of a ticket, and the key of the transaction that places it: a UUID (version
 * 8, made of the ticket's number), so that whoever announces the order again says the same.
 */
export function createdEventIdOf(ticketNo: string): string {
  const hash = createHash('sha256').update(`flash-order-created:${ticketNo}`).digest('hex');
  const variant = ((Number.parseInt(hash[16]!, 16) & 0x3) | 0x8).toString(16);
  return [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    `${variant}${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ].join('-');
}
