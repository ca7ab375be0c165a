import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  completeRefund,
  requestRefund,
  type OrderRefund,
} from '../../../../services/order/domain/order-refund.ts';
import type { OrderStatus } from '../../../../services/order/domain/order-status.ts';
import {
  payOrder,
  placeOrder,
  type Order,
  type OrderItem,
  type OrderLine,
} from '../../../../services/order/domain/order.ts';
import { plays } from '../../../support/plays.ts';

const at = new Date('2026-11-20T10:00:00Z');

function paidOrder(items: readonly OrderItem[], couponMinor = 0): Order {
  const placed = placeOrder({
    orderNo: '4711',
    userId: 'user-1',
    items,
    placedAt: at,
    ...(couponMinor > 0 ? { coupon: { code: 'C', amountMinor: couponMinor } } : {}),
  });
  return payOrder(placed, { paymentNo: 'P-1', paidAt: at }).order;
}

const basket: OrderItem[] = [
  { sku: 'TEA', quantity: 2, unitPriceMinor: 690 },
  { sku: 'MUG', quantity: 1, unitPriceMinor: 1_200 },
  { sku: 'TEA', quantity: 1, unitPriceMinor: 690 },
];

function request(
  order: Order,
  items?: readonly OrderLine[],
  earlier: readonly OrderRefund[] = [],
): { order: Order; refund: OrderRefund } {
  return requestRefund(order, earlier, {
    refundNo: `R-${earlier.length + 1}`,
    items,
    requestedAt: at,
  });
}

describe('a refund', () => {
  it('of all gives back what was paid, the same sku of two lines as one', () => {
    const { order, refund } = request(paidOrder(basket, 270));
    expect(order.status).toBe('REFUNDING');
    expect(refund).toMatchObject({
      amountMinor: 3_000,
      isWhole: true,
      paymentNo: 'P-1',
      items: [
        { sku: 'TEA', quantity: 3 },
        { sku: 'MUG', quantity: 1 },
      ],
    });
    expect(completeRefund(order, refund).status).toBe('REFUNDED');
  });

  it('of a part leaves the rest to be refunded later', () => {
    const first = request(paidOrder(basket), [{ sku: 'MUG', quantity: 1 }]);
    expect(first.refund).toMatchObject({ amountMinor: 1_200, isWhole: false });
    const order = completeRefund(first.order, first.refund);
    expect(order.status).toBe('PARTIALLY_REFUNDED');
    const rest = request(order, undefined, [first.refund]);
    expect(rest.refund).toMatchObject({
      amountMinor: 2_070,
      isWhole: true,
      items: [{ sku: 'TEA', quantity: 3 }],
    });
  });

  it.each<[string, readonly OrderLine[]]>([
    ['of TEA 4 are to be refunded, 3 are left', [{ sku: 'TEA', quantity: 4 }]],
    ['of POT 1 are to be refunded, 0 are left', [{ sku: 'POT', quantity: 1 }]],
    [
      'of TEA 4 are to be refunded, 3 are left',
      [
        { sku: 'TEA', quantity: 2 },
        { sku: 'TEA', quantity: 2 },
      ],
    ],
  ])('of more than there is left is refused: %s', (reason, items) => {
    expect(() => request(paidOrder(basket), items)).toThrow(
      expect.objectContaining({
        code: 'ORDER.REFUND_EXCEEDS',
        kind: 'conflict',
        message: `order 4711 is PAID: ${reason}`,
      }),
    );
  });

  it('is refused while another is under way, which is no repetition of it', () => {
    const { order, refund } = request(paidOrder(basket), [{ sku: 'MUG', quantity: 1 }]);
    expect(() => request(order, [{ sku: 'TEA', quantity: 1 }], [refund])).toThrow(
      expect.objectContaining({ code: 'ORDER.REFUND_UNDER_WAY', kind: 'conflict' }),
    );
  });

  it.each<OrderStatus>(['PENDING', 'CANCELLED', 'REFUNDED'])(
    'is refused for an order that is %s, and names that',
    (status) => {
      expect(() => request({ ...paidOrder(basket), status })).toThrow(
        expect.objectContaining({
          code: 'ORDER.ILLEGAL_MOVE',
          message: expect.stringContaining(`order 4711 is ${status}`),
        }),
      );
    },
  );

  it('comes to what was paid however it is cut into parts', () => {
    const line = fc.record({
      sku: fc.constantFrom('A', 'B', 'C', 'D'),
      quantity: fc.integer({ min: 1, max: 20 }),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(line, { selector: ({ sku }) => sku, minLength: 1 }),
        fc.array(fc.integer({ min: 1, max: 100_000_000 }), { minLength: 4, maxLength: 4 }),
        fc.integer({ min: 0, max: 1_000_000 }),
        fc.infiniteStream(fc.nat({ max: 1_000 })),
        (lines, prices, couponMinor, choices) => {
          const items = lines.map((each, index) => ({ ...each, unitPriceMinor: prices[index]! }));
          let order = paidOrder(items, couponMinor);
          const pieces = lines.flatMap(({ sku, quantity }) => Array<string>(quantity).fill(sku));
          const refunds: OrderRefund[] = [];
          while (pieces.length > 0) {
            const index = choices.next().value! % pieces.length;
            const wish = [{ sku: pieces.splice(index, 1)[0]!, quantity: 1 }];
            const { order: refunding, refund } = request(order, wish, refunds);
            expect(refund.amountMinor).toBeGreaterThanOrEqual(0);
            expect(refund.isWhole).toBe(pieces.length === 0);
            refunds.push(refund);
            order = completeRefund(refunding, refund);
          }
          expect(order.status).toBe('REFUNDED');
          const sum = refunds.reduce((total, { amountMinor }) => total + amountMinor, 0);
          expect(sum).toBe(order.totalMinor);
        },
      ),
      plays(),
    );
  });
});
