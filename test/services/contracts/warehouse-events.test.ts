import { describe, expect, it } from '@jest/globals';
import {
  parseShipmentRequested,
  parseShipped,
  type ShipmentRequested,
  type ShipmentShipped,
} from '../../../services/contracts/warehouse-events.ts';

const requested: ShipmentRequested = {
  type: 'ShipmentRequested',
  eventId: 'c3d5a3a0-0000-4000-8000-000000000001',
  orderNo: '20261120-7K3M9Q2T4VXA',
  shipmentNo: '20261120-9Q2T4VXA7K3M',
  occurredAt: '2026-11-20T10:01:00.000Z',
};
const shipped: ShipmentShipped = { ...requested, type: 'Shipped', trackingNo: 'TRK-1' };

describe('parseShipmentRequested and parseShipped', () => {
  it('read what was written, and let new fields pass', () => {
    const more = { weightGrams: 300 };
    expect(parseShipmentRequested(JSON.stringify({ ...requested, ...more }))).toEqual(requested);
    expect(parseShipped(JSON.stringify({ ...shipped, ...more }))).toEqual(shipped);
  });

  it('refuse each other’s events', () => {
    expect(() => parseShipmentRequested(JSON.stringify(shipped))).toThrow(
      'type is Shipped, it must be ShipmentRequested',
    );
    expect(() => parseShipped(JSON.stringify(requested))).toThrow(
      'type is ShipmentRequested, it must be Shipped',
    );
  });

  it.each([
    [
      'an unknown type',
      { type: 'Lost' },
      'type is "Lost", it must be ShipmentRequested or Shipped',
    ],
    ['no eventId', { eventId: undefined }, 'eventId is not a text'],
    ['two orders', { orderNo: 'a b' }, 'orderNo is not 1 to 64 visible ASCII characters'],
    ['no shipmentNo', { shipmentNo: '' }, 'shipmentNo is not a text'],
    ['no time', { occurredAt: 'soon' }, 'occurredAt is not a time'],
    ['no trackingNo', { trackingNo: 4711 }, 'trackingNo is not a text'],
    [
      'a long trackingNo',
      { trackingNo: 'x'.repeat(65) },
      'trackingNo is not 1 to 64 visible ASCII characters',
    ],
  ])('name what is wrong with %s', (_what, wrong, reason) => {
    expect(() => parseShipped(JSON.stringify({ ...shipped, ...wrong }))).toThrow(
      expect.objectContaining({ code: 'MESSAGE.POISON', kind: 'invalid', message: reason }),
    );
  });
});
