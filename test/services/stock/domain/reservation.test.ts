import { describe, expect, it } from '@jest/globals';
import {
  decideMove,
  inLockOrder,
  insufficient,
  isSameItems,
  refuseRepeatedSkus,
  reservationStatuses,
} from '../../../../services/stock/domain/reservation.ts';

describe('the moves of a reservation', () => {
  it('are to CONFIRMED or RELEASED, and no further', () => {
    const decisions = reservationStatuses.flatMap((from) =>
      reservationStatuses.map((to) => `${from} → ${to}: ${decideMove(from, to)}`),
    );
    expect(decisions).toEqual([
      'RESERVED → RESERVED: repeated',
      'RESERVED → CONFIRMED: moved',
      'RESERVED → RELEASED: moved',
      'CONFIRMED → RESERVED: refused',
      'CONFIRMED → CONFIRMED: repeated',
      'CONFIRMED → RELEASED: refused',
      'RELEASED → RESERVED: refused',
      'RELEASED → CONFIRMED: refused',
      'RELEASED → RELEASED: repeated',
    ]);
  });
});

describe('the items of a reservation', () => {
  const tea = { sku: 'TEA', quantity: 2 };
  const mug = { sku: 'MUG', quantity: 1 };

  it('are locked in one order, whatever order they are named in', () => {
    expect(inLockOrder([tea, mug])).toEqual([mug, tea]);
    expect(inLockOrder([mug, tea])).toEqual([mug, tea]);
  });

  it('are the same in any order, and not when one differs, is missing or is added', () => {
    expect(isSameItems([tea, mug], [mug, tea])).toBe(true);
    expect(isSameItems([tea, mug], [tea])).toBe(false);
    expect(isSameItems([tea], [tea, mug])).toBe(false);
    expect(isSameItems([tea], [{ ...tea, quantity: 3 }])).toBe(false);
    expect(isSameItems([tea], [{ ...tea, sku: 'POT' }])).toBe(false);
  });

  it('name every sku once', () => {
    expect(() => refuseRepeatedSkus([tea, mug])).not.toThrow();
    expect(() => refuseRepeatedSkus([tea, mug, tea, mug])).toThrow(
      expect.objectContaining({
        code: 'REQUEST.INVALID',
        kind: 'invalid',
        fields: [
          {
            field: 'items[2].sku',
            message: 'is TEA again, as in items[0]; there must be one entry a sku',
          },
          {
            field: 'items[3].sku',
            message: 'is MUG again, as in items[1]; there must be one entry a sku',
          },
        ],
      }),
    );
  });

  it('that are short are told with what is wanted and what there is', () => {
    const error = insufficient([
      { ...tea, available: 1 },
      { ...mug, available: 0 },
    ]);
    expect(error).toMatchObject({ code: 'STOCK.INSUFFICIENT', kind: 'conflict' });
    expect(error.message).toBe(
      'too little in stock, nothing was reserved: TEA: 2 wanted, 1 available; MUG: 1 wanted, 0 available',
    );
  });
});
