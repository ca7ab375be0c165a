import type { OrderFacts, OrderRow } from '../../../infra/audit/order-facts.ts';

const at = new Date('2026-11-20T12:00:00.000Z');
const userId = 'user-1';
const ordered = new Map([
  ['TEA', 2],
  ['MUG', 1],
]);

const order: OrderRow = {
  status: 'PENDING',
  userId,
  discountMinor: 0,
  couponCode: undefined,
  totalMinor: 2_580,
  itemsMinor: 2_580,
  placedAt: at,
  paidAt: undefined,
  paymentNo: undefined,
  closedAt: undefined,
  shippedAt: undefined,
};

/** All that the databases say of an order that has just been placed. */
export function placed(): OrderFacts {
  return {
    orderNo: 'A',
    order,
    ordered,
    prices: new Map([
      ['TEA', 690],
      ['MUG', 1_200],
    ]),
    orderRefunds: [],
    payments: [],
    paymentRefunds: [],
    charges: [],
    channelRefunds: [],
    reservation: { status: 'RESERVED', items: ordered },
    stockMovements: moved('RESERVED', 'A', ordered),
    pointsMovements: [],
    coupons: [],
    redPackets: [],
    redemption: undefined,
    usedCoupon: undefined,
    notifications: [told('Created')],
    shipments: [],
    carrierShipments: [],
    goodsReturns: [],
    refunds: [],
    notedAt: [],
  };
}

export function closed(): OrderFacts {
  const facts = placed();
  return {
    ...facts,
    order: { ...order, status: 'CANCELLED', closedAt: at },
    reservation: { status: 'RELEASED', items: ordered },
    stockMovements: [...facts.stockMovements, ...moved('RELEASED', 'A', ordered)],
    notifications: [...facts.notifications, told('Closed')],
  };
}

/** Closed, and the money came after that; it went back. */
export function closedAndPaidTooLate(): OrderFacts {
  const facts = closed();
  const refund = { refundNo: 'R', paymentNo: 'P', amountMinor: 2_580 };
  return {
    ...facts,
    ...money(2_580),
    orderRefunds: [
      {
        ...refund,
        reason: 'LATE_PAYMENT',
        isWhole: true,
        requestedAt: at,
        completedAt: at,
        items: new Map(),
      },
    ],
    refunds: [{ refundNo: 'R', status: 'COMPLETED', refundMinor: 2_580, openSteps: [] }],
    paymentRefunds: [{ ...refund, status: 'SUCCEEDED' }],
    channelRefunds: [refund],
    notifications: [...facts.notifications, told('PaidTooLate'), told('Refunded')],
  };
}

/** Paid, and packed. */
export function paid(): OrderFacts {
  const facts = placed();
  return {
    ...facts,
    ...money(2_580),
    order: { ...order, status: 'PAID', paidAt: at, paymentNo: 'P' },
    reservation: { status: 'CONFIRMED', items: ordered },
    stockMovements: [...facts.stockMovements, ...moved('CONFIRMED', 'A', ordered)],
    pointsMovements: [{ kind: 'EARNED', reference: 'A', userId, points: 25 }],
    coupons: [{ code: 'C', userId, status: 'ISSUED', isRecallAsked: false, issuedAt: at }],
    redPackets: [{ userId, status: 'OPEN' }],
    notifications: [...facts.notifications, told('Paid')],
    shipments: [{ shipmentNo: 'S', status: 'REQUESTED', packed: ordered, content: ordered }],
  };
}

export function shipped(): OrderFacts {
  return onItsWay(paid());
}

/** Hands over what is in the parcel; a refund may be under way, or through. */
export function onItsWay(facts: OrderFacts): OrderFacts {
  const row = facts.order!;
  return {
    ...facts,
    order: { ...row, status: row.status === 'PAID' ? 'SHIPPED' : row.status, shippedAt: at },
    shipments: facts.shipments.map((shipment) => ({ ...shipment, status: 'SHIPPED' })),
    carrierShipments: facts.shipments.map(({ shipmentNo, content }) => ({
      shipmentNo,
      status: 'ACCEPTED',
      items: content,
    })),
    notifications: [...facts.notifications, told('Shipped')],
  };
}

/** The coupon of another order is worth 80. */
export function withCoupon(facts: OrderFacts): OrderFacts {
  const row = facts.order!;
  const isPaid = row.paymentNo !== undefined;
  const isHeld = row.status !== 'CANCELLED';
  return {
    ...facts,
    ...(isPaid ? money(2_500) : {}),
    order: { ...row, couponCode: 'USED', discountMinor: 80, totalMinor: 2_500 },
    redemption: { code: 'USED', status: isPaid ? 'KEPT' : isHeld ? 'HELD' : 'RELEASED' },
    usedCoupon: { userId, amountMinor: 80, usedBy: isHeld ? 'A' : undefined },
  };
}

/** One piece of tea comes back, before or after the parcel has left. */
export function refundedInPart(facts: OrderFacts): OrderFacts {
  return refunded(facts, 'R1', { TEA: 1 }, { amountMinor: 690, points: 6, isWhole: false });
}

/** And all the rest. */
export function refundedTheRest(facts: OrderFacts): OrderFacts {
  const rest = { TEA: 1, MUG: 1 };
  return refunded(facts, 'R2', rest, { amountMinor: 1_890, points: 19, isWhole: true });
}

export function refundedWhole(facts: OrderFacts): OrderFacts {
  const all = { TEA: 2, MUG: 1 };
  return refunded(facts, 'R', all, { amountMinor: 2_580, points: 25, isWhole: true });
}

/** All of it is to come back, and the customer has not sent it yet. */
export function refundInTheMail(facts: OrderFacts): OrderFacts {
  const done = refundedWhole(facts);
  return {
    ...facts,
    order: { ...done.order!, status: 'REFUNDING' },
    orderRefunds: done.orderRefunds.map((refund) => ({ ...refund, completedAt: undefined })),
    goodsReturns: [{ refundNo: 'R', status: 'AWAITED' }],
    refunds: [
      {
        refundNo: 'R',
        status: 'RUNNING',
        refundMinor: 2_580,
        openSteps: ['ReturnGoods DUE', 'Restock WAITING', 'ReturnMoney WAITING'],
      },
    ],
    notifications: [...facts.notifications, told('RefundRequested')],
  };
}

function refunded(
  facts: OrderFacts,
  refundNo: string,
  goods: Readonly<Record<string, number>>,
  { amountMinor, points, isWhole }: { amountMinor: number; points: number; isWhole: boolean },
): OrderFacts {
  const row = facts.order!;
  const items = new Map(Object.entries(goods));
  const hasLeft = row.shippedAt !== undefined;
  const money = { refundNo, paymentNo: 'P', amountMinor };
  return {
    ...facts,
    order: { ...row, status: isWhole ? 'REFUNDED' : 'PARTIALLY_REFUNDED' },
    orderRefunds: [
      ...facts.orderRefunds,
      { ...money, reason: 'CUSTOMER', isWhole, requestedAt: at, completedAt: at, items },
    ],
    refunds: [
      ...facts.refunds,
      { refundNo, status: 'COMPLETED', refundMinor: amountMinor, openSteps: [] },
    ],
    paymentRefunds: [...facts.paymentRefunds, { ...money, status: 'SUCCEEDED' }],
    channelRefunds: [...facts.channelRefunds, money],
    stockMovements: [...facts.stockMovements, ...moved('RESTOCKED', refundNo, items)],
    pointsMovements: [
      ...facts.pointsMovements,
      { kind: 'DEDUCTED', reference: refundNo, userId, points },
    ],
    coupons: facts.coupons.map((coupon) =>
      isWhole ? { ...coupon, status: 'RECALLED', isRecallAsked: true } : coupon,
    ),
    redPackets: isWhole ? [{ userId, status: 'RECALLED' }] : facts.redPackets,
    goodsReturns: [...facts.goodsReturns, { refundNo, status: hasLeft ? 'RECEIVED' : 'CANCELLED' }],
    shipments: hasLeft
      ? facts.shipments
      : facts.shipments.map((shipment) => ({
          ...shipment,
          status: isWhole ? 'CANCELLED' : shipment.status,
          content: new Map(
            [...shipment.content]
              .map(([sku, quantity]) => [sku, quantity - (items.get(sku) ?? 0)] as const)
              .filter(([, quantity]) => quantity > 0),
          ),
        })),
    notifications: [...facts.notifications, told('RefundRequested'), told('Refunded')],
  };
}

function money(amountMinor: number): Pick<OrderFacts, 'payments' | 'charges'> {
  const payment = { paymentNo: 'P', status: 'SUCCEEDED', amountMinor };
  return { payments: [payment], charges: [payment] };
}

function moved(
  kind: string,
  reference: string,
  items: ReadonlyMap<string, number>,
): OrderFacts['stockMovements'] {
  return [...items].map(([sku, quantity]) => ({ kind, reference, sku, quantity }));
}

function told(kind: string): OrderFacts['notifications'][number] {
  return { kind, userId, recordedAt: at, isDelivered: true };
}
