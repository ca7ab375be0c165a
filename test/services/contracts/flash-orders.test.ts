import { describe, expect, it } from '@jest/globals';
import {
  createdEventIdOf,
  parseFlashOrderRequested,
  type FlashOrderRequested,
} from '../../../services/contracts/flash-orders.ts';

const order: FlashOrderRequested = {
  ticketNo: '20261130-7K3M9Q2T4VXA',
  saleId: '20261130-9Q2T4VXA7K3M',
  sku: 'GRINDER-HAND',
  userId: 'user-1',
  quantity: 1,
  admittedAt: '2026-11-30T10:00:00.000Z',
};

describe('parseFlashOrderRequested', () => {
  it('reads a request as it was written', () => {
    expect(parseFlashOrderRequested(JSON.stringify(order))).toEqual(order);
  });

  it.each([
    ['two pieces', { quantity: 2 }, 'quantity is 2, a ticket is good for 1'],
    ['no piece', { quantity: 0 }, 'quantity is not an integer ≥ 1'],
    ['a ticket of another kind', { ticketNo: '4711' }, 'ticketNo is no document number'],
    ['no sale', { saleId: undefined }, 'saleId is not a text'],
    ['a sale of another kind', { saleId: '4711' }, 'saleId is no document number'],
    ['a sku of another kind', { sku: 'tea' }, 'sku is not 1 to 32 characters A-Z, 0-9 and -'],
    [
      'a user no order can have',
      { userId: 'a b' },
      'userId is not 1 to 64 letters, digits or one of . _ @ -',
    ],
    ['no time', { admittedAt: 'now' }, 'admittedAt is not a time'],
  ])('names what is wrong with %s', (_what, wrong, reason) => {
    expect(() => parseFlashOrderRequested(JSON.stringify({ ...order, ...wrong }))).toThrow(
      expect.objectContaining({ code: 'MESSAGE.POISON', kind: 'invalid', message: reason }),
    );
  });
});

describe('the eventId of a flash order’s Created', () => {
  it('is a UUID, always the same for a ticket, and another for another', () => {
    const ids = Array.from({ length: 200 }, (_, index) => createdEventIdOf(`ticket-${index}`));
    for (const id of ids) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
    expect(new Set(ids).size).toBe(200);
    expect(createdEventIdOf('ticket-7')).toBe(ids[7]);
  });
});
