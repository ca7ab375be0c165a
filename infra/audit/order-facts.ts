/** All that the databases say of one order, service by service. Money in minor units. */
export interface OrderFacts {
  orderNo: string;
  /** Undefined when the order service knows no such order. */
  order: OrderRow | undefined;
  /** Ordered, by sku. */
  ordered: Quantities;
  orderRefunds: readonly OrderRefund[];
  payments: readonly { paymentNo: string; status: string; amountMinor: number; createdAt: Date }[];
  paymentRefunds: readonly Money[];
  /** The channel's own books: by the payment's number. */
  charges: readonly { paymentNo: string; status: string; amountMinor: number }[];
  channelRefunds: readonly { refundNo: string; amountMinor: number }[];
  reservation: { status: string; items: Quantities } | undefined;
  /** `reference` is the order's number, for RESTOCKED a refund's. */
  stockMovements: readonly { kind: string; reference: string; sku: string; quantity: number }[];
  pointsMovements: readonly { kind: string; reference: string; points: number }[];
  coupons: readonly { code: string; status: string; issuedAt: Date }[];
  redPackets: readonly { status: string }[];
  redemption: { code: string; status: string } | undefined;
  notifications: readonly { kind: string; recordedAt: Date; isDelivered: boolean }[];
  shipments: readonly { shipmentNo: string; status: string }[];
  carrierShipments: readonly { shipmentNo: string; status: string }[];
  refunds: readonly Refund[];
}

export interface OrderRow {
  status: string;
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
  completedAt: Date | undefined;
}

interface Money {
  refundNo: string;
  paymentNo: string;
  amountMinor: number;
  status: string;
}

export type Quantities = ReadonlyMap<string, number>;

/** When something was last seen to happen to the order: what is recent may still be under way. */
export function lastChangeAt(facts: OrderFacts): Date {
  const { order } = facts;
  const times = [
    order?.placedAt,
    order?.paidAt,
    order?.closedAt,
    order?.shippedAt,
    ...facts.orderRefunds.flatMap(({ requestedAt, completedAt }) => [requestedAt, completedAt]),
    ...facts.refunds.map(({ completedAt }) => completedAt),
    ...facts.payments.map(({ createdAt }) => createdAt),
  ];
  return new Date(Math.max(0, ...times.map((time) => time?.getTime() ?? 0)));
}
