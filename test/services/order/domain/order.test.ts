import { describe, expect, it } from '@jest/globals';
import {
  asPlaced,
  closeOrder,
  payOrder,
  placeOrder,
  pricedItems,
  shipOrder,
  type Order,
} from '../../../../services/order/domain/order.ts';

const placedAt = new Date('2026-11-20T10:00:00Z');
const paidAt = new Date('2026-11-20T10:01:00Z');
const prices = new Map([
  ['TEA', 690],
  ['MUG', 1_200],
]);

const payment = { paymentNo: 'P-1', paidAt };

const place = (
  lines: { sku: string; quantity: number }[],
  coupon?: { code: string; amountMinor: number },
): Order =>
  placeOrder({
    orderNo: '4711',
    userId: 'user-1',
    items: pricedItems(lines, prices),
    placedAt,
    ...(coupon ? { coupon } : {}),
  });

describe('an order', () => {
  it('takes its prices from the catalogue and adds them up', () => {
    expect(
      place([
        { sku: 'TEA', quantity: 2 },
        { sku: 'MUG', quantity: 1 },
        { sku: 'TEA', quantity: 1 },
      ]),
    ).toEqual({
      orderNo: '4711',
      userId: 'user-1',
      status: 'PENDING',
      items: [
        { sku: 'TEA', quantity: 2, unitPriceMinor: 690 },
        { sku: 'MUG', quantity: 1, unitPriceMinor: 1_200 },
        { sku: 'TEA', quantity: 1, unitPriceMinor: 690 },
      ],
      discountMinor: 0,
      totalMinor: 3_270,
      currency: 'EUR',
      placedAt,
    });
  });

  it('is refused with every sku that has no price', () => {
    expect(() =>
      place([
        { sku: 'TEA', quantity: 1 },
        { sku: 'UFO', quantity: 1 },
        { sku: 'YETI', quantity: 1 },
      ]),
    ).toThrow(
      expect.objectContaining({
        code: 'ORDER.UNKNOWN_SKU',
        message: '2 of 3 item(s) name a sku that is not in the catalogue',
        fields: [
          { field: 'items[1].sku', message: 'there is no sku UFO' },
          { field: 'items[2].sku', message: 'there is no sku YETI' },
        ],
      }),
    );
  });

  it.each([
    [100, 100, 590],
    [690, 689, 1],
    [5_000, 689, 1],
  ])(
    'takes a coupon over %i off, and %i of it counts',
    (amountMinor, discountMinor, totalMinor) => {
      const order = place([{ sku: 'TEA', quantity: 1 }], { code: 'C', amountMinor });
      expect(order).toMatchObject({ couponCode: 'C', discountMinor, totalMinor });
    },
  );

  it('is paid once; the second time changes nothing, not even the time', () => {
    const first = payOrder(place([{ sku: 'TEA', quantity: 1 }]), payment);
    expect(first).toMatchObject({ isRepeat: false, order: { status: 'PAID', ...payment } });
    const later = { ...payment, paidAt: new Date('2026-11-21T00:00:00Z') };
    expect(payOrder(first.order, later)).toEqual({ isRepeat: true, order: first.order });
  });

  it('is not paid by a second payment', () => {
    const { order } = payOrder(place([{ sku: 'TEA', quantity: 1 }]), payment);
    expect(() => payOrder(order, { ...payment, paymentNo: 'P-2' })).toThrow(
      expect.objectContaining({
        code: 'PAYMENT.PAID_TWICE',
        kind: 'invalid',
        message: expect.stringMatching(/payment P-2 is for order .* payment P-1 has paid/),
      }),
    );
  });

  it('is shipped once, and keeps the status of a refund that is under way', () => {
    const shipment = { trackingNo: 'T-1', shippedAt: new Date('2026-11-21T08:00:00Z') };
    const { order: paid } = payOrder(place([{ sku: 'TEA', quantity: 1 }]), payment);
    const { order: shipped } = shipOrder(paid, shipment);
    expect(shipped).toMatchObject({ status: 'SHIPPED', ...shipment });
    expect(shipOrder(shipped, shipment)).toEqual({ isRepeat: true, order: shipped });
    expect(shipOrder({ ...paid, status: 'REFUNDING' }, shipment).order).toMatchObject({
      status: 'REFUNDING',
      ...shipment,
    });
    expect(() => shipOrder(place([{ sku: 'TEA', quantity: 1 }]), shipment)).toThrow(
      'order 4711 is PENDING and cannot become SHIPPED',
    );
  });

  it('is not paid once it is cancelled', () => {
    const cancelled = { ...place([{ sku: 'TEA', quantity: 1 }]), status: 'CANCELLED' as const };
    expect(() => payOrder(cancelled, payment)).toThrow('order 4711 is CANCELLED');
  });

  it('is closed once, and not when it is paid', () => {
    const placed = place([{ sku: 'TEA', quantity: 1 }]);
    const closedAt = new Date('2026-11-20T10:30:00Z');
    const first = closeOrder(placed, closedAt);
    expect(first).toMatchObject({ isRepeat: false, order: { status: 'CANCELLED', closedAt } });
    expect(closeOrder(first.order, paidAt)).toEqual({ isRepeat: true, order: first.order });
    expect(() => closeOrder(payOrder(placed, payment).order, closedAt)).toThrow(
      expect.objectContaining({ code: 'ORDER.ILLEGAL_MOVE', kind: 'conflict' }),
    );
  });

  it('can be told again as it was placed', () => {
    const placed = place([{ sku: 'TEA', quantity: 1 }]);
    expect(asPlaced(payOrder(placed, payment).order)).toEqual(placed);
    expect(asPlaced(closeOrder(placed, paidAt).order)).toEqual(placed);
  });
});
