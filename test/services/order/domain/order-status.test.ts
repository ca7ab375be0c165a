import { describe, expect, it } from '@jest/globals';
import { decideMove, orderStatuses } from '../../../../services/order/domain/order-status.ts';

const allowed = new Set([
  'PENDING PAID',
  'PENDING CANCELLED',
  'PAID SHIPPED',
  'PAID REFUNDING',
  'SHIPPED REFUNDING',
  'REFUNDING PARTIALLY_REFUNDED',
  'REFUNDING REFUNDED',
  'PARTIALLY_REFUNDED REFUNDING',
]);

describe('decideMove', () => {
  it.each(orderStatuses.flatMap((from) => orderStatuses.map((to) => [from, to] as const)))(
    'decides %s → %s by the table',
    (from, to) => {
      const decide = (): string => decideMove('4711', from, to);
      if (from === to) expect(decide()).toBe('repeated');
      else if (allowed.has(`${from} ${to}`)) expect(decide()).toBe('moved');
      else expect(decide).toThrow(`order 4711 is ${from} and cannot become ${to}`);
    },
  );

  it('refuses with a conflict that says where the order could still go', () => {
    expect(() => decideMove('4711', 'CANCELLED', 'PAID')).toThrow(
      expect.objectContaining({
        code: 'ORDER.ILLEGAL_MOVE',
        kind: 'conflict',
        message:
          'order 4711 is CANCELLED and cannot become PAID; from CANCELLED it can become nothing any more',
      }),
    );
  });
});
