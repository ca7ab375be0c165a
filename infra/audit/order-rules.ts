import { count } from './comparison.ts';
import type { Finding, Say } from './finding.ts';
import { theShipment, theStock } from './goods-rules.ts';
import { theChannel, thePayment, theRefunds } from './money-rules.ts';
import {
  customerRefunds,
  isPaidFor,
  wholeRefund,
  type OrderFacts,
  type OrderRow,
} from './order-facts.ts';
import { theCouponUsed, thePoints, theRewards } from './reward-rules.ts';

/** One promise of the shop each; all of them hold for every order whose messages have all been consumed. */
const rules: readonly ((facts: OrderFacts, order: OrderRow, say: Say) => void)[] = [
  theEnd,
  theAmount,
  theUser,
  thePayment,
  theChannel,
  theStock,
  thePoints,
  theRewards,
  theCouponUsed,
  theNotifications,
  theShipment,
  theRefunds,
];

/** Holds an order against all that was to become of it. No I/O. */
export function judge(facts: OrderFacts): Finding[] {
  const { orderNo, order } = facts;
  const findings: Finding[] = [];
  const say: Say = (kind, what) => findings.push({ orderNo, kind, what });
  if (order === undefined) {
    say('lost', 'order');
  } else if (!isPaidFor(order) && order.status !== 'PENDING' && order.status !== 'CANCELLED') {
    // What is expected of everything else hangs on the status.
    say('wrong', `status ${order.status} is none`);
  } else {
    for (const rule of rules) rule(facts, order, say);
  }
  return findings;
}

/** An order is paid or closed in the end, and never both; the times must say the same as the status. */
function theEnd(facts: OrderFacts, order: OrderRow, say: Say): void {
  const { status, paidAt, paymentNo, closedAt, shippedAt } = order;
  if (status === 'PENDING') say('lost', 'payment or closing');
  if (paidAt !== undefined && closedAt !== undefined) {
    say('duplicated', 'end: paid and closed');
  } else {
    agree(status, isPaidFor(order), paidAt, 'time of payment', say);
    agree(status, status === 'CANCELLED', closedAt, 'time of closing', say);
    agree(status, isPaidFor(order), paymentNo, 'number of its payment', say);
  }
  // A refund can begin before and after the parcel has left: its statuses say nothing of that.
  if (!/REFUND/.test(status)) {
    agree(status, status === 'SHIPPED', shippedAt, 'time of shipping', say);
  }
  const wanted = refundStatus(facts);
  if (wanted === undefined ? /REFUND/.test(status) : status !== wanted) {
    say('wrong', `${status}, and its refunds say ${wanted ?? 'there are none'}`);
  }
}

function agree(status: string, isDue: boolean, value: unknown, what: string, say: Say): void {
  if (isDue && value === undefined) say('wrong', `${status} without a ${what}`);
  if (!isDue && value !== undefined) say('wrong', `${status} with a ${what}`);
}

/** What its refunds make of the order; undefined when there are none. */
function refundStatus(facts: OrderFacts): string | undefined {
  const refunds = customerRefunds(facts);
  if (refunds.some(({ completedAt }) => completedAt === undefined)) return 'REFUNDING';
  if (wholeRefund(facts) === 'through') return 'REFUNDED';
  return refunds.length > 0 ? 'PARTIALLY_REFUNDED' : undefined;
}

function theAmount(facts: OrderFacts, order: OrderRow, say: Say): void {
  const { itemsMinor, discountMinor, totalMinor, couponCode } = order;
  if (facts.ordered.size === 0) say('lost', 'items');
  else if (itemsMinor - discountMinor !== totalMinor) {
    say('wrong', `total ${totalMinor}, its items come to ${itemsMinor} less ${discountMinor}`);
  }
  if (discountMinor > 0 && couponCode === undefined) say('wrong', 'a discount, no coupon');
}

/** Whatever an order earns, uses or tells belongs to who has placed it. */
function theUser(facts: OrderFacts, { userId }: OrderRow, say: Say): void {
  const belongings: readonly (readonly [string, readonly { userId: string }[]])[] = [
    ['points', facts.pointsMovements],
    ['coupon', facts.coupons],
    ['red packet', facts.redPackets],
    ['coupon it uses', facts.usedCoupon === undefined ? [] : [facts.usedCoupon]],
    ['push', facts.notifications],
  ];
  for (const [what, entries] of belongings) {
    for (const other of new Set(entries.map((entry) => entry.userId))) {
      if (other !== userId) say('wrong', `${what} of ${other}, who has not placed it`);
    }
  }
}

function theNotifications(facts: OrderFacts, order: OrderRow, say: Say): void {
  const isCustomers = customerRefunds(facts);
  const wanted: Readonly<Record<string, number>> = {
    Created: 1,
    Paid: isPaidFor(order) ? 1 : 0,
    Closed: order.status === 'CANCELLED' ? 1 : 0,
    Shipped: order.shippedAt === undefined ? 0 : 1,
    RefundRequested: isCustomers.length,
    PaidTooLate: facts.orderRefunds.length - isCustomers.length,
    Refunded: facts.orderRefunds.filter(({ completedAt }) => completedAt !== undefined).length,
  };
  for (const [kind, number] of Object.entries(wanted)) {
    const found = facts.notifications.filter((notification) => notification.kind === kind);
    count(found.length, number, `push ${kind}`, say);
  }
  for (const { kind, isDelivered } of facts.notifications) {
    if (!isDelivered) say('lost', `delivery of push ${kind}`);
    if (!Object.hasOwn(wanted, kind)) say('wrong', `push ${kind} is none`);
  }
}
