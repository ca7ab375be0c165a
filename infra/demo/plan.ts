import { SeededRandom } from '../seeded-random.ts';

/** What is to become of an order of the demo. */
export type OrderKind =
  | 'paid'
  /** Left alone until its delayed message closes it. */
  | 'unpaid'
  /** Paid, and all of it refunded before the parcel leaves. */
  | 'refunded-before-shipping'
  /** Paid and shipped, and all of it or a part of it refunded when the goods have come back. */
  | 'refunded-after-shipping'
  /** The same, and the channel fails twice at giving the money back. */
  | 'refunded-by-a-failing-channel'
  /** Placed and paid while the broker is dead. */
  | 'without-broker';

/** One order of the demo, before anything has happened. */
export interface OrderPlan {
  number: number;
  kind: OrderKind;
  userId: string;
  items: readonly { sku: string; quantity: number }[];
  /** Sends each request twice, with the same Idempotency-Key: it must not double anything. */
  isImpatient: boolean;
  /** Pays with the coupon that this earlier order has earned. */
  couponOf: number | undefined;
  /** Refunds one piece only. */
  isPartial: boolean;
}

const countOf: Readonly<Record<OrderKind, number>> = {
  paid: 60,
  unpaid: 15,
  'refunded-before-shipping': 5,
  'refunded-after-shipping': 7,
  'refunded-by-a-failing-channel': 3,
  'without-broker': 10,
};

/** Orders, out of those whose buyer just pays or just leaves, that use a coupon. */
const couponUserCount = 6;
const impatientShare = 0.15;

const skus = [
  'TEA-GREEN-100',
  'TEA-BLACK-100',
  'TEA-OOLONG-50',
  'COFFEE-250',
  'COFFEE-1000',
  'MUG-BLUE',
  'MUG-WHITE',
  'POT-GLASS',
  'KETTLE-STEEL',
  'FILTER-40',
  'HONEY-500',
];

/** 100 orders, always the same for a seed. Those without a broker come last: the others must not wait for it. */
export function planOrders(seed: number): OrderPlan[] {
  const random = new SeededRandom(seed);
  const kinds = Object.entries(countOf).flatMap(([kind, count]) =>
    Array<OrderKind>(count).fill(kind as OrderKind),
  );
  const withBroker = random.shuffled(kinds.filter((kind) => kind !== 'without-broker'));
  const ordered = [...withBroker, ...kinds.filter((kind) => kind === 'without-broker')];
  const plans = ordered.map((kind, index): OrderPlan => {
    const number = index + 1;
    const lineCount = 1 + random.below(3);
    return {
      number,
      kind,
      userId: `user-${number}`,
      items: random
        .shuffled(skus)
        .slice(0, lineCount)
        .map((sku) => ({ sku, quantity: 2 + random.below(3) })),
      isImpatient: random.chance(impatientShare),
      couponOf: undefined,
      isPartial: kind === 'refunded-after-shipping' && random.chance(0.5),
    };
  });
  return giveCoupons(plans, random);
}

/** Lets some late orders be paid with the coupon of an early one, whose user they then share. */
function giveCoupons(plans: OrderPlan[], random: SeededRandom): OrderPlan[] {
  const half = Math.floor(plans.length / 2);
  const givers = random.shuffled(plans.slice(0, half).filter(({ kind }) => kind === 'paid'));
  const users = random.shuffled(
    plans.slice(half).filter(({ kind }) => kind === 'paid' || kind === 'unpaid'),
  );
  const giverOf = new Map(
    users.slice(0, couponUserCount).map((user, index) => [user.number, givers[index]!]),
  );
  return plans.map((plan) => {
    const giver = giverOf.get(plan.number);
    return giver === undefined ? plan : { ...plan, couponOf: giver.number, userId: giver.userId };
  });
}
