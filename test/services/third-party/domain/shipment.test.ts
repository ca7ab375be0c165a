import { describe, expect, it } from '@jest/globals';
import {
  acceptShipment,
  cancelledShipment,
  checkCancellable,
  checkRepeatedShipment,
} from '../../../../services/third-party/domain/shipment.ts';

const now = new Date('2026-11-20T10:00:00.000Z');
const request = { requestNo: 'SHP-1', orderNo: 'order-1', items: [{ sku: 'TEA', quantity: 2 }] };
const accepted = acceptShipment(request, now);
const cancelled = cancelledShipment('SHP-1', now);

describe('a shipment', () => {
  it('has left when it is accepted', () => {
    expect(accepted.trackingNo).toMatch(/^TRK-[0-9A-Z]{16}$/);
    expect(() => checkCancellable(accepted)).toThrow(
      expect.objectContaining({ code: 'CARRIER.SHIPPED', kind: 'conflict' }),
    );
    expect(() => checkCancellable(cancelled)).not.toThrow();
  });

  it('is the same one however its items were written', () => {
    const items = [{ quantity: 2, sku: 'TEA' }];
    expect(() => checkRepeatedShipment(accepted, { ...request, items })).not.toThrow();
  });

  it.each([{ orderNo: 'order-2' }, { items: [{ sku: 'TEA', quantity: 3 }] }, { items: [] }])(
    'is another one with %j',
    (change) => {
      expect(() => checkRepeatedShipment(accepted, { ...request, ...change })).toThrow(
        expect.objectContaining({ code: 'CARRIER.REQUEST_REUSED', kind: 'conflict' }),
      );
    },
  );

  it('does not come back when it was cancelled', () => {
    expect(() => checkRepeatedShipment(cancelled, request)).toThrow(
      expect.objectContaining({ code: 'CARRIER.CANCELLED', kind: 'conflict' }),
    );
  });
});
