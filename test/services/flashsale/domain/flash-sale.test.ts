import { describe, expect, it } from '@jest/globals';
import {
  isOver,
  openSale,
  type FlashSaleTerms,
} from '../../../../services/flashsale/domain/flash-sale.ts';

const now = new Date('2026-11-30T10:00:00Z');
const terms: FlashSaleTerms = {
  sku: 'GRINDER-HAND',
  stock: 10,
  perUserLimit: 2,
  startsAt: new Date('2026-11-30T09:00:00Z'),
  endsAt: new Date('2026-11-30T11:00:00Z'),
};
const SALE_ID = '20261130-7K3M9Q2T4VXA';

describe('a sale', () => {
  it('is opened on its terms, also when it has started by then', () => {
    expect(openSale(SALE_ID, terms, now)).toEqual({
      ...terms,
      saleId: SALE_ID,
      state: 'OPEN',
      createdAt: now,
    });
  });

  it('is refused when a customer may have more than there is, or it ends before it starts; both are said', () => {
    const wrong = { ...terms, perUserLimit: 11, endsAt: terms.startsAt };
    expect(() => openSale(SALE_ID, wrong, now)).toThrow(
      expect.objectContaining({
        code: 'REQUEST.INVALID',
        fields: [
          { field: 'perUserLimit', message: 'is 11, the stock is 10' },
          {
            field: 'endsAt',
            message: 'is 2026-11-30T09:00:00.000Z, the sale starts at 2026-11-30T09:00:00.000Z',
          },
        ],
      }),
    );
  });

  it('is refused when it is over already', () => {
    expect(() => openSale(SALE_ID, terms, terms.endsAt)).toThrow(
      'endsAt is 2026-11-30T11:00:00.000Z, it is 2026-11-30T11:00:00.000Z now',
    );
  });

  it('is over from its end on, or when it is closed', () => {
    const endMs = terms.endsAt.getTime();
    const sale = openSale(SALE_ID, terms, now);
    expect([isOver(sale, endMs - 1), isOver(sale, endMs)]).toEqual([false, true]);
    expect(isOver({ ...sale, state: 'CLOSED' }, 0)).toBe(true);
  });
});
