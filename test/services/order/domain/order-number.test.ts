import { describe, expect, it } from '@jest/globals';
import { isOrderNo, newOrderNo } from '../../../../services/order/domain/order-number.ts';

describe('an order number', () => {
  it('starts with the day and is recognised', () => {
    const orderNo = newOrderNo(new Date('2026-11-20T23:59:59Z'));
    expect(orderNo).toMatch(/^20261120-/);
    expect(isOrderNo(orderNo)).toBe(true);
  });

  it('is another one each time', () => {
    const day = new Date('2026-11-20T00:00:00Z');
    const numbers = Array.from({ length: 1_000 }, () => newOrderNo(day));
    expect(new Set(numbers).size).toBe(1_000);
  });

  it.each(['', '4711', '20261120-7K3M9Q2T4VX', '20261120-IIIIIIIIIIII', "20261120-' OR 1=1 --"])(
    'is not %p',
    (text) => expect(isOrderNo(text)).toBe(false),
  );
});
