import { describe, expect, it } from '@jest/globals';
import { parseOrderEvent, parseOrderEventOf } from '../../../services/contracts/order-events.ts';
import { createdEvent, everyOrderEvent, refundRequestedEvent } from '../order-event-samples.ts';

const without = (field: string): string => JSON.stringify({ ...createdEvent, [field]: undefined });
const having = (field: string, value: unknown): string =>
  JSON.stringify({ ...createdEvent, [field]: value });

describe('parseOrderEvent', () => {
  it.each(everyOrderEvent)('reads $type as it was written', (event) => {
    expect(parseOrderEvent(JSON.stringify(event))).toEqual(event);
  });

  it('lets fields pass that a newer sender may have added', () => {
    expect(parseOrderEvent(having('channel', 'app'))).toEqual(createdEvent);
  });

  it.each([
    ['nothing', '', 'the body is not JSON'],
    ['half a message', '{"type":"Created"', 'the body is not JSON'],
    ['a list', '[]', 'body is not an object'],
    ['null', 'null', 'body is not an object'],
    [
      'an unknown type',
      having('type', 'Lost'),
      'type is "Lost", it must be Created, Paid, Closed, PaidTooLate, Shipped, RefundRequested or Refunded',
    ],
    ['no eventId', without('eventId'), 'eventId is not a text'],
    ['an empty orderNo', having('orderNo', ''), 'orderNo is not a text'],
    [
      'an endless userId',
      having('userId', 'x'.repeat(129)),
      'userId has 129 characters, at most 128 are allowed',
    ],
    [
      'an orderNo too long for a message key',
      having('orderNo', 'x'.repeat(65)),
      'orderNo is not 1 to 64 visible ASCII characters',
    ],
    [
      'an orderNo that would be two keys',
      having('orderNo', '4711 4712'),
      'orderNo is not 1 to 64 visible ASCII characters',
    ],
    ['a fraction of a cent', having('totalMinor', 0.5), 'totalMinor is not an integer ≥ 0'],
    ['money as text', having('totalMinor', '1380'), 'totalMinor is not an integer ≥ 0'],
    ['a debt', having('totalMinor', -1), 'totalMinor is not an integer ≥ 0'],
    ['no time', having('occurredAt', 'yesterday'), 'occurredAt is not a time'],
    ['no items', having('items', []), 'items is not a filled list'],
    ['an item that is none', having('items', [7]), 'items[0] is not an object'],
    [
      'a quantity of zero',
      having('items', [{ sku: 'A', quantity: 0, unitPriceMinor: 1 }]),
      'items[0].quantity is not an integer ≥ 1',
    ],
  ])('names what is wrong with %s', (_what, body, reason) => {
    expect(() => parseOrderEvent(body)).toThrow(
      expect.objectContaining({ code: 'MESSAGE.POISON', kind: 'invalid', message: reason }),
    );
  });
});

describe('a refused message', () => {
  it('is not quoted by its refusal, whose cause would be logged', () => {
    const body = '{"card":"4111111111111111", and then it breaks off';
    let refusal: unknown;
    try {
      parseOrderEvent(body);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({ code: 'MESSAGE.POISON' });
    expect((refusal as Error).cause).toBeUndefined();
    expect((refusal as Error).stack).not.toContain('4111');
  });
});

describe('parseOrderEventOf', () => {
  it('refuses another event', () => {
    expect(() => parseOrderEventOf('Paid', 'Closed')(JSON.stringify(createdEvent))).toThrow(
      'type is Created, it must be Paid or Closed',
    );
  });

  it.each([
    ['isWhole', 'yes', 'isWhole is not true or false'],
    ['refundNo', '', 'refundNo is not a text'],
    ['refundMinor', -1, 'refundMinor is not an integer ≥ 0'],
    ['items', [{ sku: 'TEA', quantity: 0 }], 'items[0].quantity is not an integer ≥ 1'],
  ])('names a wrong %s of a refund', (field, value, reason) => {
    const body = JSON.stringify({ ...refundRequestedEvent, [field]: value });
    expect(() => parseOrderEventOf('RefundRequested')(body)).toThrow(reason);
  });
});
