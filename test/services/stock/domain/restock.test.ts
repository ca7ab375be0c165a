import { describe, expect, it } from '@jest/globals';
import { decideRestock } from '../../../../services/stock/domain/restock.ts';

const sold = [
  { sku: 'TEA', quantity: 4 },
  { sku: 'MUG', quantity: 1 },
];

describe('a refund that gives goods back', () => {
  it('puts them back as long as the order has as many out, one entry a sku', () => {
    const items = [
      { sku: 'TEA', quantity: 1 },
      { sku: 'TEA', quantity: 2 },
    ];
    const restocked = [{ refundNo: 'R-0', sku: 'TEA', quantity: 1 }];
    expect(decideRestock({ refundNo: 'R-1', items }, sold, restocked)).toEqual({
      outcome: 'restock',
      items: [{ sku: 'TEA', quantity: 3 }],
    });
  });

  it('is refused when one of its skus is more than that, counted over all refunds', () => {
    const items = [
      { sku: 'MUG', quantity: 1 },
      { sku: 'TEA', quantity: 2 },
    ];
    const restocked = [
      { refundNo: 'R-0', sku: 'TEA', quantity: 1 },
      { refundNo: 'R-1', sku: 'TEA', quantity: 2 },
    ];
    expect(decideRestock({ refundNo: 'R-2', items }, sold, restocked)).toEqual({
      outcome: 'refused',
      reason: '2 of TEA are to come back, 1 of the order are out',
    });
  });

  it('is refused for what the order never had, and for an order that has nothing', () => {
    const due = { refundNo: 'R-1', items: [{ sku: 'POT', quantity: 1 }] };
    expect(decideRestock(due, sold, [])).toMatchObject({ outcome: 'refused' });
    expect(decideRestock(due, [], [])).toMatchObject({ outcome: 'refused' });
  });

  it('is repeated when it comes with the same items, and a mistake when it comes with others', () => {
    const restocked = [{ refundNo: 'R-1', sku: 'TEA', quantity: 4 }];
    const decide = (quantity: number): unknown =>
      decideRestock({ refundNo: 'R-1', items: [{ sku: 'TEA', quantity }] }, sold, restocked);
    expect(decide(4)).toEqual({ outcome: 'repeated' });
    expect(() => decide(3)).toThrow(
      expect.objectContaining({ code: 'STOCK.RESTOCKED_OTHERWISE', kind: 'invalid' }),
    );
  });
});
