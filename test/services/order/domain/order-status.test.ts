import { describe, expect, it } from '@jest/globals';
import { decideMove, type OrderStatus } from '../../../../services/order/domain/order-status.ts';

const statuses: OrderStatus[] = ['PENDING', 'PAID', 'CANCELLED'];
const allowed = new Set(['PENDING PAID', 'PENDING CANCELLED']);

describe('decideMove', () => {
  it.each(statuses.flatMap((from) => statuses.map((to) => [from, to] as const)))(
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
