import { describe, expect, it } from '@jest/globals';
import { planOrders } from '../../../infra/demo/plan.ts';

const seeds = Array.from({ length: 50 }, (_, index) => index * 85_899_345);

describe('planOrders', () => {
  it('plans the same orders for a seed, and others for another', () => {
    expect(planOrders(7)).toEqual(planOrders(7));
    expect(planOrders(7)).not.toEqual(planOrders(8));
  });

  it.each(seeds)('plans 100 orders of the promised kinds for seed %i', (seed) => {
    const counts: Record<string, number> = {};
    const plans = planOrders(seed);
    for (const { kind } of plans) counts[kind] = (counts[kind] ?? 0) + 1;
    expect(counts).toEqual({
      paid: 60,
      unpaid: 15,
      'refunded-before-shipping': 5,
      'refunded-after-shipping': 7,
      'refunded-by-a-failing-channel': 3,
      'without-broker': 10,
    });
    expect(plans.map(({ number }) => number)).toEqual(plans.map((_, index) => index + 1));
    expect(plans.slice(-10).every(({ kind }) => kind === 'without-broker')).toBe(true);
  });

  it.each(seeds)('lets six orders use each the coupon of an earlier one, for seed %i', (seed) => {
    const plans = planOrders(seed);
    const users = plans.filter(({ couponOf }) => couponOf !== undefined);
    expect(users).toHaveLength(6);
    expect(new Set(users.map(({ couponOf }) => couponOf)).size).toBe(6);
    for (const { number, couponOf, userId, kind } of users) {
      const giver = plans[couponOf! - 1]!;
      expect(giver.number).toBeLessThan(number);
      // Who gives a coupon away must have earned it and keep it, and only its user may use it.
      expect(giver).toMatchObject({ kind: 'paid', userId, couponOf: undefined });
      expect(['paid', 'unpaid']).toContain(kind);
    }
  });

  it.each(seeds)('orders what can be refunded in part without being all, for seed %i', (seed) => {
    for (const { items, isPartial, kind } of planOrders(seed)) {
      expect(items.length).toBeGreaterThan(0);
      expect(new Set(items.map(({ sku }) => sku)).size).toBe(items.length);
      for (const { quantity } of items) expect(quantity).toBeGreaterThan(1);
      if (isPartial) expect(kind).toBe('refunded-after-shipping');
    }
  });
});
