import { describe, expect, it } from '@jest/globals';
import { judge } from '../../../infra/audit.ts';
import { verdictOf, wayTable } from '../../../infra/demo/report.ts';

const placedAt = new Date('2026-11-20T12:00:00.000Z');
const later = (ms: number): Date => new Date(placedAt.getTime() + ms);
const calm = { orders: 2, paid: 1, missing: 0, doubled: 0, unearned: 0 };
const ways = judge(
  ['B', 'A'],
  [
    { orderNo: 'A', status: 'PAID', placedAt, paidAt: later(20) },
    { orderNo: 'B', status: 'PENDING', placedAt: later(5), paidAt: undefined },
  ],
  [
    { orderNo: 'A', effect: 'push Created', count: 1, at: later(31) },
    { orderNo: 'A', effect: 'push Paid', count: 2, at: later(45) },
    { orderNo: 'B', effect: 'push Created', count: 1, at: later(40) },
  ],
);

describe('verdictOf', () => {
  it('sums up what the orders have and lack', () => {
    expect(verdictOf(ways, calm, 4.321)).toEqual({
      orders: 2,
      paid: 1,
      coupons: 0,
      pushes: 4,
      lost: 1,
      duplicated: 1,
      seconds: 4.3,
    });
  });

  it('holds doubled and unearned effects of other runs against the system, their missing ones not', () => {
    const whole = { ...calm, missing: 7, doubled: 2, unearned: 1 };
    expect(verdictOf(ways, whole, 1)).toMatchObject({ lost: 1, duplicated: 3 });
  });
});

describe('wayTable', () => {
  it('shows one line an order, first placed first, with the time to each effect', () => {
    expect(wayTable(ways).split('\n')).toEqual([
      '  order        placed    paid  coupon  push Created  push Paid',
      '  A      12:00:00.000  +20 ms       –        +31 ms     +45 ms  LOST: coupon, TWICE: push Paid',
      '  B      12:00:00.005       –       –        +35 ms          –',
    ]);
  });
});
