import { describe, expect, it } from '@jest/globals';
import type { ShipmentStatus } from '../../../../services/warehouse/domain/shipment-status.ts';
import {
  contentOf,
  excessOf,
  isAllOf,
  packParcel,
  takeOut,
  type Goods,
  type Shipment,
} from '../../../../services/warehouse/domain/shipment.ts';

const facts = {
  shipmentNo: 'SHP-1',
  orderNo: 'order-1',
  requestedAt: new Date('2026-11-20T10:00:00.000Z'),
};
const TEA = (quantity: number): Goods => ({ sku: 'TEA', quantity });
const MUG = (quantity: number): Goods => ({ sku: 'MUG', quantity });
const parcel = packParcel(facts, [TEA(2), MUG(1)]);
const being = (status: ShipmentStatus, of: Shipment = parcel): Shipment => ({ ...of, status });

describe('packParcel', () => {
  it('makes one entry of a sku that was ordered in two lines', () => {
    const packed = packParcel(facts, [TEA(2), MUG(1), TEA(3)]);
    expect(packed).toMatchObject({ ...facts, status: 'REQUESTED' });
    expect(contentOf(packed)).toEqual([TEA(5), MUG(1)]);
  });

  it('packs quantities and skus up to their limits', () => {
    const most = { sku: 'x'.repeat(64), quantity: 2 ** 31 - 1 };
    expect(contentOf(packParcel(facts, [most]))).toEqual([most]);
  });

  it.each([
    ['one more', [TEA(2 ** 31)], '2147483648 of TEA are more than 2147483647'],
    ['two that are too many together', [TEA(2 ** 31 - 1), TEA(1)], '2147483648 of TEA'],
    ['a long sku', [{ sku: 'x'.repeat(65), quantity: 1 }], 'a sku is not 1 to 64'],
    ['a sku no table holds', [{ sku: 'ключ', quantity: 1 }], 'a sku is not 1 to 64'],
    ['a sku of two words', [{ sku: 'A B', quantity: 1 }], 'a sku is not 1 to 64'],
  ])('refuses %s', (_what, goods, reason) => {
    expect(() => packParcel(facts, goods)).toThrow(
      expect.objectContaining({
        code: 'WAREHOUSE.NOT_PACKABLE',
        kind: 'invalid',
        message: expect.stringContaining(reason),
      }),
    );
  });
});

describe('takeOut', () => {
  it('leaves the rest in the parcel', () => {
    const rest = takeOut(parcel, [TEA(1)]);
    expect(rest).toMatchObject({ status: 'REQUESTED' });
    expect(contentOf(rest)).toEqual([TEA(1), MUG(1)]);
    expect(rest.items).toContainEqual({ sku: 'TEA', quantity: 2, cancelledQuantity: 1 });
  });

  it('cancels the parcel when nothing is left, in one refund or by and by', () => {
    expect(takeOut(parcel, [MUG(1), TEA(2)]).status).toBe('CANCELLED');
    const byAndBy = [[TEA(1)], [MUG(1)], [TEA(1)]].reduce<Shipment>(takeOut, parcel);
    expect(byAndBy).toMatchObject({ status: 'CANCELLED' });
    expect(contentOf(byAndBy)).toEqual([]);
  });

  it('counts a sku that is named twice twice', () => {
    expect(takeOut(parcel, [TEA(1), TEA(1), MUG(1)]).status).toBe('CANCELLED');
    expect(() => takeOut(parcel, [TEA(2), TEA(1)])).toThrow('3 of TEA cannot come back, 2 are');
  });

  it.each<[string, Shipment, Goods[], string]>([
    ['more than was ordered', parcel, [TEA(3)], '3 of TEA cannot come back, 2 are there'],
    [
      'what an earlier refund took',
      takeOut(parcel, [TEA(1)]),
      [TEA(2)],
      '2 of TEA cannot come back, 1',
    ],
    [
      'what was never ordered',
      parcel,
      [{ sku: 'CUP', quantity: 1 }],
      '1 of CUP cannot come back, 0',
    ],
    [
      'anything of an empty one',
      takeOut(parcel, [TEA(2), MUG(1)]),
      [TEA(1)],
      '0 are there (CANCELLED)',
    ],
  ])('refuses %s', (_what, shipment, goods, reason) => {
    expect(() => takeOut(shipment, goods)).toThrow(
      expect.objectContaining({
        code: 'WAREHOUSE.NOT_IN_PARCEL',
        kind: 'invalid',
        message: expect.stringContaining(reason),
      }),
    );
  });

  it.each([[[TEA(1)]], [[TEA(2), MUG(1)]]])('does not open a parcel that has left: %j', (goods) => {
    expect(() => takeOut(being('SHIPPED'), goods)).toThrow(
      expect.objectContaining({ code: 'WAREHOUSE.ILLEGAL_MOVE' }),
    );
  });

  it('takes all or nothing of a parcel that is being handed over', () => {
    expect(() => takeOut(being('HANDING_OVER'), [TEA(2)])).toThrow(
      expect.objectContaining({ code: 'WAREHOUSE.LEAVING', kind: 'unavailable' }),
    );
    expect(takeOut(being('HANDING_OVER'), [TEA(2), MUG(1)]).status).toBe('CANCELLED');
  });
});

describe('isAllOf', () => {
  it.each<[Goods[], boolean]>([
    [[TEA(2), MUG(1)], true],
    [[MUG(1), TEA(1), TEA(1)], true],
    [[TEA(2)], false],
    [[TEA(1), MUG(1)], false],
    [[TEA(3), MUG(1)], false],
    [[TEA(2), MUG(1), { sku: 'CUP', quantity: 1 }], false],
    [[], false],
  ])('compares what is left in the parcel with %j', (goods, isAll) => {
    expect(isAllOf(parcel, goods)).toBe(isAll);
  });

  it('does not count what has been taken out before', () => {
    expect(isAllOf(takeOut(parcel, [TEA(2)]), [MUG(1)])).toBe(true);
  });
});

describe('excessOf', () => {
  it('counts what is on its way back already', () => {
    expect(excessOf(being('SHIPPED'), [TEA(1), MUG(1)], [TEA(1)])).toBeUndefined();
    expect(excessOf(being('SHIPPED'), [TEA(2)], [TEA(1)])).toBe(
      '2 of TEA cannot come back, 1 are there (SHIPPED)',
    );
  });
});
