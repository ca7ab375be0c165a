import { describe, expect, it } from '@jest/globals';
import { lastChangeAt, type OrderFacts } from '../../../infra/audit/order-facts.ts';
import { judge } from '../../../infra/audit/order-rules.ts';
import {
  closed,
  closedAndPaidTooLate,
  onItsWay,
  paid,
  placed,
  refundedInPart,
  refundedTheRest,
  refundedWhole,
  refundInTheMail,
  shipped,
  withCoupon,
} from './facts.ts';

type Damage = (facts: OrderFacts) => Partial<OrderFacts>;

function found(facts: OrderFacts): string[] {
  return judge(facts).map(({ kind, what }) => `${kind} ${what}`);
}

/** Changes the order's own row. */
const row =
  (change: Partial<NonNullable<OrderFacts['order']>>): Damage =>
  ({ order }) => ({ order: { ...order!, ...change } });

const later = new Date('2026-11-20T13:00:00.000Z');

describe('judge', () => {
  it.each<[string, OrderFacts]>([
    ['shipped', shipped()],
    ['shipped, and paid with a coupon', withCoupon(shipped())],
    ['closed', closed()],
    ['closed, its coupon given back', withCoupon(closed())],
    ['closed before its payment came, which went back', closedAndPaidTooLate()],
    ['refunded whole before it was shipped', refundedWhole(paid())],
    ['refunded whole after it was shipped', refundedWhole(shipped())],
    ['refunded in part after it was shipped', refundedInPart(shipped())],
    ['refunded in part, and the rest shipped', onItsWay(refundedInPart(paid()))],
    ['refunded in two parts before it was shipped', refundedTheRest(refundedInPart(paid()))],
    [
      'refunded in part before and in part after',
      refundedTheRest(onItsWay(refundedInPart(paid()))),
    ],
    ['refunded in two parts after it was shipped', refundedTheRest(refundedInPart(shipped()))],
    ['being refunded, and the goods are in the mail', refundInTheMail(shipped())],
    [
      'refunded while another order uses the coupon that it has earned',
      {
        ...refundedWhole(shipped()),
        coupons: [
          { ...refundedWhole(shipped()).coupons[0]!, status: 'REDEEMED', isRecallAsked: true },
        ],
      },
    ],
    [
      'paid by a second payment, after a first one that failed',
      {
        ...shipped(),
        payments: [
          { paymentNo: 'P0', status: 'FAILED', amountMinor: 2_580 },
          ...shipped().payments,
        ],
        charges: [{ paymentNo: 'P0', status: 'VOIDED', amountMinor: 0 }, ...shipped().charges],
      },
    ],
    [
      'closed, with a reservation of its coupon that was refused',
      { ...closed(), redemption: { code: '', status: 'RELEASED' } },
    ],
  ])('finds nothing wrong with an order that is %s', (_what, facts) => {
    expect(found(facts)).toEqual([]);
  });

  it('does not let an order rest that is neither paid nor closed', () => {
    expect(found(placed())).toEqual(['lost payment or closing']);
    expect(found(withCoupon(placed()))).toEqual(['lost payment or closing']);
  });

  it('does not let an order rest that is packed and not shipped', () => {
    expect(found(paid())).toEqual(['lost shipping (REQUESTED)']);
  });

  it('says of an order that is not there only that', () => {
    expect(judge({ ...shipped(), order: undefined })).toEqual([
      { orderNo: 'A', kind: 'lost', what: 'order' },
    ]);
  });

  it.each<[string, OrderFacts, Damage, string[]]>([
    ['status', shipped(), row({ status: 'NEW' }), ['wrong status NEW is none']],
    [
      'time of payment',
      shipped(),
      row({ paidAt: undefined }),
      ['wrong SHIPPED without a time of payment'],
    ],
    [
      'number of its payment',
      shipped(),
      row({ paymentNo: undefined }),
      ['wrong SHIPPED without a number of its payment'],
    ],
    [
      'time of closing',
      closed(),
      row({ closedAt: undefined }),
      ['wrong CANCELLED without a time of closing'],
    ],
    ['one end', shipped(), row({ closedAt: later }), ['duplicated end: paid and closed']],
    [
      'shipping before it is shipped',
      paid(),
      row({ shippedAt: later }),
      [
        'wrong PAID with a time of shipping',
        'lost push Shipped',
        'lost shipping (REQUESTED)',
        'wrong the order says it was shipped, its shipment is REQUESTED',
      ],
    ],
    [
      'a closed order with a payment',
      closed(),
      row({ paidAt: later, closedAt: undefined }),
      ['wrong CANCELLED with a time of payment', 'wrong CANCELLED without a time of closing'],
    ],
    [
      'end of its refund',
      refundedWhole(shipped()),
      row({ status: 'REFUNDING' }),
      ['wrong REFUNDING, and its refunds say REFUNDED'],
    ],
    [
      'refund',
      shipped(),
      row({ status: 'REFUNDING' }),
      ['wrong REFUNDING, and its refunds say there are none'],
    ],
    [
      'total',
      closed(),
      row({ totalMinor: 2_579 }),
      ['wrong total 2579, its items come to 2580 less 0'],
    ],
    [
      'coupon of its discount',
      closed(),
      row({ totalMinor: 2_500, discountMinor: 80 }),
      ['wrong a discount, no coupon'],
    ],
    [
      'discount of its coupon',
      withCoupon(closed()),
      row({ totalMinor: 2_510, discountMinor: 70 }),
      ['wrong a discount of 70, its coupon gives 80'],
    ],

    ['payment', shipped(), () => ({ payments: [], charges: [] }), ['lost payment P']],
    [
      'end of a payment',
      closed(),
      () => ({ payments: [{ paymentNo: 'P', status: 'PROCESSING', amountMinor: 2_580 }] }),
      ['lost end of payment P'],
    ],
    [
      'second payment',
      shipped(),
      ({ payments }) => {
        const two = [...payments, { ...payments[0]!, paymentNo: 'P2' }];
        return { payments: two, charges: two };
      },
      ['duplicated payment P2'],
    ],
    [
      'amount of the payment',
      shipped(),
      () => {
        const payments = [{ paymentNo: 'P', status: 'SUCCEEDED', amountMinor: 1 }];
        return { payments, charges: payments };
      },
      ['wrong payment of 1 for a total of 2580'],
    ],
    [
      'news of the payment',
      placed(),
      () => ({ payments: shipped().payments, charges: shipped().charges }),
      ['lost payment or closing', 'lost news of a payment: P'],
    ],
    [
      'return of the late payment',
      closed(),
      () => ({ payments: shipped().payments, charges: shipped().charges }),
      ['lost return of a late payment: P'],
    ],
    [
      'charge',
      shipped(),
      () => ({ charges: [] }),
      ['wrong payment of 2580, the channel took nothing'],
    ],
    [
      'success of the payment',
      closed(),
      () => ({
        payments: [{ paymentNo: 'P', status: 'FAILED', amountMinor: 2_580 }],
        charges: shipped().charges,
      }),
      ['lost success of payment P: the channel took 2580'],
    ],

    ['reservation', shipped(), () => ({ reservation: undefined }), ['lost reservation']],
    [
      'state of the reservation',
      shipped(),
      ({ ordered }) => ({ reservation: { status: 'RESERVED', items: ordered } }),
      ['lost stock CONFIRMED (it is RESERVED)'],
    ],
    [
      'a piece in the reservation',
      shipped(),
      () => ({ reservation: { status: 'CONFIRMED', items: new Map([['TEA', 2]]) } }),
      ['wrong what is reserved is not what was ordered'],
    ],
    [
      'movement',
      shipped(),
      ({ stockMovements }) => ({
        stockMovements: stockMovements.filter(
          ({ kind, sku }) => kind !== 'CONFIRMED' || sku !== 'MUG',
        ),
      }),
      ['lost CONFIRMED of 1 × MUG'],
    ],
    [
      'a movement too large',
      shipped(),
      ({ stockMovements }) => ({
        stockMovements: stockMovements.map((each) =>
          each.kind === 'CONFIRMED' && each.sku === 'MUG' ? { ...each, quantity: 3 } : each,
        ),
      }),
      ['duplicated CONFIRMED of 2 × MUG'],
    ],
    [
      'a movement of another kind',
      shipped(),
      ({ stockMovements }) => ({
        stockMovements: [
          ...stockMovements,
          { kind: 'RESTOCKED', reference: 'A', sku: 'TEA', quantity: 1 },
        ],
      }),
      ['duplicated RESTOCKED of 1 × TEA for A'],
    ],
    [
      'restocking',
      refundedInPart(shipped()),
      ({ stockMovements }) => ({
        stockMovements: stockMovements.filter(({ kind }) => kind !== 'RESTOCKED'),
      }),
      ['lost RESTOCKED of 1 × TEA'],
    ],
    [
      'restocking of a late payment',
      closedAndPaidTooLate(),
      ({ stockMovements }) => ({
        stockMovements: [
          ...stockMovements,
          { kind: 'RESTOCKED', reference: 'R', sku: 'TEA', quantity: 1 },
        ],
      }),
      ['duplicated RESTOCKED of 1 × TEA for R'],
    ],

    ['points', shipped(), () => ({ pointsMovements: [] }), ['lost points']],
    [
      'points twice',
      shipped(),
      ({ pointsMovements: [one] }) => ({ pointsMovements: [one!, one!] }),
      ['duplicated points'],
    ],
    [
      'points of a closed order',
      closed(),
      () => ({ pointsMovements: shipped().pointsMovements }),
      ['duplicated points'],
    ],
    [
      'number of points',
      shipped(),
      ({ pointsMovements: [one] }) => ({ pointsMovements: [{ ...one!, points: 26 }] }),
      ['wrong 26 points for 2580, it should be 25'],
    ],
    [
      'deduction',
      refundedInPart(shipped()),
      ({ pointsMovements: [one] }) => ({ pointsMovements: [one!] }),
      ['lost deduction of points'],
    ],
    [
      'size of the deduction',
      refundedInPart(shipped()),
      ({ pointsMovements: [one, two] }) => ({ pointsMovements: [one!, { ...two!, points: 7 }] }),
      ['wrong 7 of 25 points deducted for 690 of 2580, it should be 6'],
    ],
    [
      'deduction for nothing',
      shipped(),
      ({ pointsMovements: [one] }) => ({
        pointsMovements: [one!, { ...one!, kind: 'DEDUCTED', reference: 'R' }],
      }),
      ['duplicated deduction of points for R, which is no refund'],
    ],

    ['coupon', shipped(), () => ({ coupons: [] }), ['lost coupon']],
    [
      'coupon twice',
      shipped(),
      ({ coupons: [one] }) => ({ coupons: [one!, one!] }),
      ['duplicated coupon'],
    ],
    [
      'coupon of a closed order',
      closed(),
      () => ({ coupons: shipped().coupons }),
      ['duplicated coupon'],
    ],
    ['red packet', shipped(), () => ({ redPackets: [] }), ['lost red packet']],
    [
      'recall of the coupon',
      refundedWhole(shipped()),
      () => ({ coupons: shipped().coupons }),
      ['lost recall of the coupon'],
    ],
    [
      'recall of a coupon in use',
      refundedWhole(shipped()),
      () => ({ coupons: [{ ...shipped().coupons[0]!, status: 'REDEEMED' }] }),
      ['lost recall of the coupon'],
    ],
    [
      'recall of the red packet',
      refundedWhole(shipped()),
      () => ({ redPackets: shipped().redPackets }),
      ['lost recall of the red packet'],
    ],
    [
      'recall without a refund',
      shipped(),
      ({ coupons: [one] }) => ({ coupons: [{ ...one!, status: 'RECALLED', isRecallAsked: true }] }),
      ['duplicated recall of the coupon'],
    ],
    [
      'recall by a refund of part',
      refundedInPart(shipped()),
      () => ({ redPackets: [{ userId: 'user-1', status: 'RECALLED' }] }),
      ['duplicated recall of the red packet'],
    ],
    [
      'owner of the coupon',
      shipped(),
      ({ coupons: [one] }) => ({ coupons: [{ ...one!, userId: 'user-2' }] }),
      ['wrong coupon of user-2, who has not placed it'],
    ],

    [
      'redemption',
      withCoupon(shipped()),
      () => ({ redemption: undefined }),
      ['lost redemption of USED'],
    ],
    [
      'coupon it uses',
      withCoupon(shipped()),
      () => ({ usedCoupon: undefined }),
      ['lost coupon USED, which it uses'],
    ],
    [
      'hold on its coupon',
      withCoupon(shipped()),
      ({ usedCoupon }) => ({ usedCoupon: { ...usedCoupon!, usedBy: 'B' } }),
      ['wrong coupon USED is KEPT by the order, and B has it'],
    ],
    [
      'return of its coupon',
      withCoupon(closed()),
      ({ usedCoupon }) => ({
        redemption: { code: 'USED', status: 'HELD' },
        usedCoupon: { ...usedCoupon!, usedBy: 'A' },
      }),
      ['lost coupon USED RELEASED (it is HELD)'],
    ],
    [
      'other coupon',
      withCoupon(shipped()),
      () => ({ redemption: { code: 'OTHER', status: 'KEPT' } }),
      ['wrong coupon OTHER is taken, the order uses USED'],
    ],
    [
      'coupon nobody wanted',
      shipped(),
      () => ({ redemption: { code: 'OTHER', status: 'KEPT' } }),
      ['wrong coupon OTHER is taken, the order uses none'],
    ],

    [
      'notification',
      shipped(),
      ({ notifications }) => ({
        notifications: notifications.filter(({ kind }) => kind !== 'Paid'),
      }),
      ['lost push Paid'],
    ],
    [
      'notification twice',
      shipped(),
      ({ notifications }) => ({ notifications: [...notifications, notifications[0]!] }),
      ['duplicated push Created'],
    ],
    [
      'notification of another end',
      shipped(),
      ({ notifications: [one, ...rest] }) => ({
        notifications: [one!, ...rest, { ...one!, kind: 'Closed' }],
      }),
      ['duplicated push Closed'],
    ],
    [
      'notification of an unknown kind',
      shipped(),
      ({ notifications: [one, ...rest] }) => ({
        notifications: [one!, ...rest, { ...one!, kind: 'toString' }],
      }),
      ['wrong push toString is none'],
    ],
    [
      'delivery',
      shipped(),
      ({ notifications: [one, ...rest] }) => ({
        notifications: [{ ...one!, isDelivered: false }, ...rest],
      }),
      ['lost delivery of push Created'],
    ],

    ['shipment', shipped(), () => ({ shipments: [], carrierShipments: [] }), ['lost shipment']],
    [
      'shipment of a closed order',
      closed(),
      () => ({ shipments: shipped().shipments, carrierShipments: shipped().carrierShipments }),
      ['duplicated shipment', 'lost news of the shipment'],
    ],
    [
      'parcel',
      shipped(),
      () => ({ carrierShipments: [] }),
      ['wrong shipped, and the carrier has no parcel'],
    ],
    [
      'content of the parcel',
      shipped(),
      ({ carrierShipments: [one] }) => ({
        carrierShipments: [{ ...one!, items: new Map([['TEA', 3]]) }],
      }),
      ['wrong the carrier has another parcel than was packed'],
    ],
    [
      'goods in the shipment',
      paid(),
      ({ shipments: [one] }) => ({
        shipments: [{ ...one!, packed: new Map([['TEA', 2]]), content: new Map([['TEA', 2]]) }],
      }),
      ['wrong what is packed is not what was ordered', 'lost shipping (REQUESTED)'],
    ],
    [
      'taking out',
      onItsWay(refundedInPart(paid())),
      ({ shipments: [one], ordered }) => ({
        shipments: [{ ...one!, content: ordered }],
        carrierShipments: [{ shipmentNo: 'S', status: 'ACCEPTED', items: ordered }],
      }),
      ['wrong what was taken out of the parcel is not what was refunded before it left'],
    ],
    [
      'cancelling for nothing',
      paid(),
      ({ shipments: [one] }) => ({ shipments: [{ ...one!, status: 'CANCELLED' }] }),
      ['wrong a shipment cancelled without a refund of everything'],
    ],
    [
      'news of the shipment',
      paid(),
      () => ({ shipments: shipped().shipments, carrierShipments: shipped().carrierShipments }),
      ['lost news of the shipment'],
    ],
    [
      'return of goods',
      refundedInPart(shipped()),
      () => ({ goodsReturns: [] }),
      ['lost return of the goods of refund R1'],
    ],
    [
      'return that has not come',
      refundedInPart(shipped()),
      () => ({ goodsReturns: [{ refundNo: 'R1', status: 'AWAITED' }] }),
      ['wrong refund R1 is completed, its goods have not come back'],
    ],
    [
      'return of no refund',
      shipped(),
      () => ({ goodsReturns: [{ refundNo: 'R1', status: 'AWAITED' }] }),
      ['duplicated return of goods for R1, which is no refund'],
    ],

    [
      'saga',
      refundInTheMail(shipped()),
      () => ({ refunds: [], goodsReturns: [] }),
      ['lost end of refund R (not begun)'],
    ],
    [
      'end of the saga',
      refundInTheMail(shipped()),
      ({ refunds: [one] }) => ({
        refunds: [{ ...one!, status: 'STUCK', openSteps: ['ReturnMoney FAILED'] }],
        goodsReturns: [{ refundNo: 'R', status: 'RECEIVED' }],
      }),
      ['lost end of refund R (STUCK, ReturnMoney FAILED)'],
    ],
    [
      'next step of the saga',
      refundInTheMail(shipped()),
      () => ({ goodsReturns: [{ refundNo: 'R', status: 'RECEIVED' }] }),
      ['lost end of refund R (RUNNING, ReturnGoods DUE)'],
    ],
    [
      'step of a saga that is through',
      refundedWhole(shipped()),
      ({ refunds: [one] }) => ({ refunds: [{ ...one!, openSteps: ['Restock WAITING'] }] }),
      ['wrong refund R is completed, but for Restock WAITING'],
    ],
    [
      'saga of a completed refund',
      refundedWhole(shipped()),
      () => ({ refunds: [] }),
      ['wrong refund R is completed, its saga is not there'],
    ],
    [
      'amount of the saga',
      refundedWhole(shipped()),
      ({ refunds: [one] }) => ({ refunds: [{ ...one!, refundMinor: 1 }] }),
      ['wrong refund of 2580, the saga says 1'],
    ],
    [
      'saga of nobody',
      shipped(),
      () => ({ refunds: refundedWhole(shipped()).refunds }),
      ['duplicated refund R'],
    ],
    [
      'money of the refund',
      refundedWhole(shipped()),
      () => ({ paymentRefunds: [], channelRefunds: [] }),
      ['lost money of refund R'],
    ],
    [
      'end of the money of the refund',
      refundedWhole(shipped()),
      ({ paymentRefunds: [one] }) => ({
        paymentRefunds: [{ ...one!, status: 'FAILED' }],
        channelRefunds: [],
      }),
      ['lost money of refund R'],
    ],
    [
      'success of the money of the refund',
      refundedWhole(shipped()),
      ({ paymentRefunds: [one] }) => ({ paymentRefunds: [{ ...one!, status: 'FAILED' }] }),
      ['lost success of refund R', 'lost money of refund R'],
    ],
    [
      'amount of the money',
      refundedWhole(shipped()),
      ({ paymentRefunds: [one] }) => ({
        paymentRefunds: [{ ...one!, amountMinor: 1 }],
        channelRefunds: [{ ...one!, amountMinor: 1 }],
      }),
      ['wrong refund of 2580, its money is 1'],
    ],
    [
      'money of the channel',
      refundedWhole(shipped()),
      () => ({ channelRefunds: [] }),
      ['wrong refund of 2580, the channel gave back 0'],
    ],
    [
      'money given back twice',
      refundedWhole(shipped()),
      ({ paymentRefunds: [one] }) => {
        const two = [one!, { ...one!, refundNo: 'R9' }];
        return { paymentRefunds: two, channelRefunds: two };
      },
      ['duplicated money of refund R9'],
    ],
    [
      'money the channel alone gave back',
      refundedWhole(shipped()),
      ({ channelRefunds: [one] }) => ({ channelRefunds: [one!, { ...one!, refundNo: 'R9' }] }),
      ['duplicated money of refund R9 at the channel'],
    ],
    [
      'payment of the refund',
      refundedWhole(shipped()),
      ({ orderRefunds: [one] }) => ({ orderRefunds: [{ ...one!, paymentNo: 'P9' }] }),
      [
        "wrong refund R is of payment P9, which is not this order's",
        'wrong refund R is of P9, its money of P',
      ],
    ],
    [
      'amount of a late payment',
      closedAndPaidTooLate(),
      (facts) => ({
        orderRefunds: [{ ...facts.orderRefunds[0]!, amountMinor: 1 }],
        refunds: [{ ...facts.refunds[0]!, refundMinor: 1 }],
        paymentRefunds: [{ ...facts.paymentRefunds[0]!, amountMinor: 1 }],
        channelRefunds: [{ refundNo: 'R', amountMinor: 1 }],
      }),
      ['wrong 1 of a late payment come back, it was 2580'],
    ],
    [
      'rest of a whole refund',
      refundedInPart(shipped()),
      ({ orderRefunds: [one], order }) => ({
        order: { ...order!, status: 'REFUNDED' },
        orderRefunds: [{ ...one!, isWhole: true }],
        coupons: refundedWhole(shipped()).coupons,
        redPackets: refundedWhole(shipped()).redPackets,
      }),
      ['wrong 1 refund(s) of all that was left, and the goods say otherwise'],
    ],
  ])('names the damage: %s', (_what, facts, damage, expected) => {
    expect(found({ ...facts, ...damage(facts) })).toEqual(expected);
  });

  it('takes for the last change what any service has noted', () => {
    expect(lastChangeAt(shipped())).toEqual(new Date('2026-11-20T12:00:00.000Z'));
    expect(lastChangeAt({ ...shipped(), notedAt: [later] })).toEqual(later);
    expect(lastChangeAt({ ...shipped(), order: undefined })).toEqual(new Date(0));
  });
});
