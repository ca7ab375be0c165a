import type { ShopServices } from '../application/shop-services.ts';
import type { PeerName } from '../config.ts';

/** What the services say of an order. A part is undefined while its service does not answer. */
export interface OrderFacts {
  readonly order: OrderFact | 'not there' | undefined;
  readonly refunds: readonly RefundFact[] | undefined;
  readonly payments: readonly PaymentFact[] | undefined;
  readonly coupons: readonly RewardFact[] | undefined;
  readonly redPackets: readonly RewardFact[] | undefined;
  readonly points: readonly PointsFact[] | undefined;
  readonly shipments: readonly ShipmentFact[] | undefined;
  readonly notifications: readonly NotificationFact[] | undefined;
}

export interface OrderFact {
  readonly status: string;
  readonly totalMinor: number;
  readonly currency: string;
  readonly saleId?: string;
  readonly placedAt: string;
  readonly paidAt?: string;
  readonly closedAt?: string;
  readonly shippedAt?: string;
}

export interface RefundFact {
  readonly reason: string;
  readonly amountMinor: number;
  readonly requestedAt: string;
  readonly completedAt?: string;
}

export interface PaymentFact {
  readonly status: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly createdAt: string;
  readonly settledAt?: string;
  readonly failure?: string;
}

/** A coupon or a red packet. */
export interface RewardFact {
  readonly amountMinor: number;
  readonly currency: string;
  readonly issuedAt: string;
}

export interface PointsFact {
  readonly kind: string;
  readonly points: number;
  readonly occurredAt: string;
}

export interface ShipmentFact {
  readonly status: string;
  readonly trackingNo?: string;
  readonly requestedAt: string;
  readonly shippedAt?: string;
  readonly returns: readonly {
    readonly status: string;
    readonly requestedAt: string;
    readonly settledAt?: string;
  }[];
}

export interface NotificationFact {
  readonly text: string;
  readonly recordedAt: string;
  readonly deliveredAt?: string;
}

/** Errors: none for a service that is away. */
export async function readOrderFacts(
  services: Pick<ShopServices, 'ask'>,
  orderNo: string,
): Promise<OrderFacts> {
  const listOf = async <T>(name: PeerName, path: string): Promise<T[] | undefined> => {
    const { status, text } = await services.ask(name, path);
    if (status === 404) return [];
    return status === 200 ? (JSON.parse(text) as { items: T[] }).items : undefined;
  };
  const orderOf = async (): Promise<OrderFacts['order']> => {
    const { status, text } = await services.ask('order', `/orders/${orderNo}`);
    if (status === 404) return 'not there';
    return status === 200 ? (JSON.parse(text) as OrderFact) : undefined;
  };
  const query = `orderNo=${orderNo}`;
  const [order, refunds, payments, coupons, redPackets, points, shipments, notifications] =
    await Promise.all([
      orderOf(),
      listOf<RefundFact>('order', `/orders/${orderNo}/refunds`),
      listOf<PaymentFact>('payment', `/payments?${query}`),
      listOf<RewardFact>('coupon', `/coupons?${query}`),
      listOf<RewardFact>('coupon', `/red-packets?${query}`),
      listOf<PointsFact>('points', `/points?${query}`),
      listOf<ShipmentFact>('warehouse', `/shipments?${query}`),
      listOf<NotificationFact>('push', `/notifications?${query}`),
    ]);
  return { order, refunds, payments, coupons, redPackets, points, shipments, notifications };
}

/** What is not known now is as it was: a service that is away has forgotten nothing. */
export function updated(before: OrderFacts | undefined, now: OrderFacts): OrderFacts {
  if (before === undefined) return now;
  const known = Object.entries(now).filter(([, part]) => part !== undefined);
  return { ...before, ...Object.fromEntries(known) };
}
