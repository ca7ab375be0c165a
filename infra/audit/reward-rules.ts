import { count } from './comparison.ts';
import type { Say } from './finding.ts';
import {
  customerRefunds,
  isPaidFor,
  wholeRefund,
  type OrderFacts,
  type OrderRow,
} from './order-facts.ts';

/** One point for every whole unit of the currency. */
const minorUnitsPerPoint = 100;

/** Points are earned by what was paid, and go back with it: their share of the money, to the point. */
export function thePoints(facts: OrderFacts, order: OrderRow, say: Say): void {
  const earned = facts.pointsMovements.filter(({ kind }) => kind === 'EARNED');
  count(earned.length, isPaidFor(order) ? 1 : 0, 'points', say);
  const points = pointsOf(earned);
  const wanted = Math.floor(order.totalMinor / minorUnitsPerPoint);
  if (earned.length === 1 && isPaidFor(order) && points !== wanted) {
    say('wrong', `${points} points for ${order.totalMinor}, it should be ${wanted}`);
  }
  const deducted = facts.pointsMovements.filter(({ kind }) => kind === 'DEDUCTED');
  const refunds = customerRefunds(facts);
  for (const { refundNo, completedAt } of refunds) {
    const found = deducted.filter(({ reference }) => reference === refundNo).length;
    if (completedAt !== undefined || found > 1) count(found, 1, 'deduction of points', say);
  }
  for (const { reference } of deducted) {
    if (!refunds.some(({ refundNo }) => refundNo === reference)) {
      say('duplicated', `deduction of points for ${reference}, which is no refund`);
    }
  }
  const counted = refunds.filter(({ refundNo }) =>
    deducted.some(({ reference }) => reference === refundNo),
  );
  // One that is missing or too many was said above.
  if (counted.length !== deducted.length || earned.length !== 1 || order.totalMinor === 0) return;
  const refundedMinor = counted.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
  const due = Number((BigInt(points) * BigInt(refundedMinor)) / BigInt(order.totalMinor));
  const taken = pointsOf(deducted);
  if (taken !== due) {
    say(
      'wrong',
      `${taken} of ${points} points deducted for ${refundedMinor} of ${order.totalMinor}, it should be ${due}`,
    );
  }
}

function pointsOf(movements: readonly { points: number }[]): number {
  return movements.reduce((sum, { points }) => sum + points, 0);
}

/** One coupon and one red packet thank for a paid order; both are recalled when all of it is refunded. */
export function theRewards(facts: OrderFacts, order: OrderRow, say: Say): void {
  const wanted = isPaidFor(order) ? 1 : 0;
  count(facts.coupons.length, wanted, 'coupon', say);
  count(facts.redPackets.length, wanted, 'red packet', say);
  const whole = wholeRefund(facts);
  const recalls = [
    // One in use stays with the order that uses it, and goes when that gives it back.
    ...facts.coupons.map(({ status, isRecallAsked }) => ({
      what: 'recall of the coupon',
      isRecalled: status === 'RECALLED' || (status === 'REDEEMED' && isRecallAsked),
    })),
    ...facts.redPackets.map(({ status }) => ({
      what: 'recall of the red packet',
      isRecalled: status === 'RECALLED',
    })),
  ];
  for (const { what, isRecalled } of recalls) {
    if (whole === 'through' && !isRecalled) say('lost', what);
    if (whole === 'none' && isRecalled) say('duplicated', what);
  }
}

/** The coupon an order pays with is its own until the order is closed or wholly refunded, and free again after that. */
export function theCouponUsed(facts: OrderFacts, order: OrderRow, say: Say): void {
  const { redemption, usedCoupon, orderNo } = facts;
  const { couponCode } = order;
  if (couponCode === undefined) {
    if (redemption !== undefined && redemption.status !== 'RELEASED') {
      say('wrong', `coupon ${redemption.code} is taken, the order uses none`);
    }
    return;
  }
  if (usedCoupon === undefined) say('lost', `coupon ${couponCode}, which it uses`);
  else {
    // A coupon worth more than the items makes the order cheap and not free.
    const discount = Math.max(0, Math.min(usedCoupon.amountMinor, order.itemsMinor - 1));
    if (facts.ordered.size > 0 && order.discountMinor !== discount) {
      say('wrong', `a discount of ${order.discountMinor}, its coupon gives ${discount}`);
    }
  }
  if (redemption === undefined) {
    say('lost', `redemption of ${couponCode}`);
    return;
  }
  const { code, status } = redemption;
  const wanted = redemptionStatuses(facts, order);
  if (!wanted.includes(status)) say('lost', `coupon ${code} ${wanted[0]} (it is ${status})`);
  if (code !== couponCode) {
    say('wrong', `coupon ${code} is taken, the order uses ${couponCode}`);
    return;
  }
  const isTaken = usedCoupon?.usedBy === orderNo;
  if (usedCoupon !== undefined && isTaken !== (status !== 'RELEASED')) {
    const holder = usedCoupon.usedBy ?? 'nobody';
    say('wrong', `coupon ${code} is ${status} by the order, and ${holder} has it`);
  }
}

function redemptionStatuses(facts: OrderFacts, order: OrderRow): string[] {
  if (order.status === 'CANCELLED') return ['RELEASED'];
  if (!isPaidFor(order)) return ['HELD'];
  const whole = wholeRefund(facts);
  if (whole === 'none') return ['KEPT'];
  return whole === 'through' ? ['RELEASED'] : ['KEPT', 'RELEASED'];
}
