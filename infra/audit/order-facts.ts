/** All that the databases say of one order, service by service. Money in minor units. */
export interface OrderFacts {
  orderNo: string;
  /** Undefined when the order service knows no such order. */
  order: OrderRow | undefined;
  /** Ordered, by sku. */
  ordered: Quantities;
  /** What one piece cost, by sku. */
  prices: Quantities;
  orderRefunds: readonly OrderRefund[];
  payments: readonly { paymentNo: string; status: string; amountMinor: number }[];
  paymentRefunds: readonly Money[];
  /** The channel's own books: by the payment's number. */
  charges: readonly { paymentNo: string; status: string; amountMinor: number }[];
  channelRefunds: readonly { refundNo: string; amountMinor: number }[];
  reservation: { status: string; items: Quantities } | undefined;
  /** `reference` is the order's number, for RESTOCKED a refund's. */
  stockMovements: readonly { kind: string; reference: string; sku: string; quantity: number }[];
  pointsMovements: readonly {
    kind: string;
    reference: string;
    userId: string;
    points: number;
  }[];
  /** Earned by this order. `isRecallAsked`: it goes back when the order that uses it now gives it back. */
  coupons: readonly {
    code: string;
    userId: string;
    status: string;
    isRecallAsked: boolean;
    issuedAt: Date;
  }[];
  redPackets: readonly { userId: string; status: string }[];
  redemption: { code: string; status: string } | undefined;
  /** The coupon this order uses, which another has earned. `usedBy`: the order that has it. */
  usedCoupon: { userId: string; amountMinor: number; usedBy: string | undefined } | undefined;
  notifications: readonly {
    kind: string;
    userId: string;
    recordedAt: Date;
    isDelivered: boolean;
  }[];
  shipments: readonly Shipment[];
  /** Of these shipments, as the carrier has them. */
  carrierShipments: readonly { shipmentNo: string; status: string; items: Quantities }[];
  /** What the warehouse did about the goods of a refund. */
  goodsReturns: readonly { refundNo: string; status: string }[];
  refunds: readonly Refund[];
  /** When the other services last did something about it that its own times do not tell yet. */
  notedAt: readonly Date[];
}

export interface OrderRow {
  status: string;
  userId: string;
  discountMinor: number;
  couponCode: string | undefined;
  totalMinor: number;
  /** Sum of quantity × price over the items. */
  itemsMinor: number;
  placedAt: Date;
  paidAt: Date | undefined;
  paymentNo: string | undefined;
  closedAt: Date | undefined;
  shippedAt: Date | undefined;
}

export interface OrderRefund {
  refundNo: string;
  reason: string;
  paymentNo: string;
  amountMinor: number;
  isWhole: boolean;
  requestedAt: Date;
  completedAt: Date | undefined;
  items: Quantities;
}

/** The saga. */
export interface Refund {
  refundNo: string;
  status: string;
  refundMinor: number;
  /** Names of the steps that are not DONE, each with its state. */
  openSteps: readonly string[];
}

export interface Shipment {
  shipmentNo: string;
  status: string;
  packed: Quantities;
  /** Packed, and not taken out again. */
  content: Quantities;
}

interface Money {
  refundNo: string;
  paymentNo: string;
  amountMinor: number;
  status: string;
}

export type Quantities = ReadonlyMap<string, number>;

const paidFor: ReadonlySet<string> = new Set([
  'PAID',
  'SHIPPED',
  'REFUNDING',
  'PARTIALLY_REFUNDED',
  'REFUNDED',
]);

/** Was it ever paid? It stays so, whatever is given back. */
export function isPaidFor({ status }: OrderRow): boolean {
  return paidFor.has(status);
}

export function customerRefunds({ orderRefunds }: OrderFacts): readonly OrderRefund[] {
  return orderRefunds.filter(({ reason }) => reason === 'CUSTOMER');
}

/** `none`: some of the order is kept, for all that is known. `under way`: the rest of it is on its way back. */
export function wholeRefund(facts: OrderFacts): 'none' | 'under way' | 'through' {
  const whole = customerRefunds(facts).filter(({ isWhole }) => isWhole);
  if (whole.length === 0) return 'none';
  return whole.some(({ completedAt }) => completedAt !== undefined) ? 'through' : 'under way';
}

/** When something was last seen to happen to the order: what is recent may still be under way. */
export function lastChangeAt(facts: OrderFacts): Date {
  const { order } = facts;
  const times = [
    order?.placedAt,
    order?.paidAt,
    order?.closedAt,
    order?.shippedAt,
    ...facts.orderRefunds.flatMap(({ requestedAt, completedAt }) => [requestedAt, completedAt]),
    ...facts.notedAt,
  ];
  return new Date(Math.max(0, ...times.map((time) => time?.getTime() ?? 0)));
}
