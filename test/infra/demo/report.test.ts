import { describe, expect, it } from '@jest/globals';
import { judge } from '../../../infra/audit.ts';
import { verdictOf, wayTable } from '../../../infra/demo/report.ts';

const placedAt = new Date('2026-11-20T12:00:00.000Z');
const later = (ms: number): Date => new Date(placedAt.getTime() + ms);
const calm = { orders: 3, paid: 1, closed: 1, missing: 0, doubled: 0, unearned: 0, torn: 0 };
const ways = judge(
  ['B', 'A', 'C'],
  [
    { orderNo: 'A', status: 'PAID', placedAt, paidAt: later(20), closedAt: undefined },
    {
      orderNo: 'B',
      status: 'CANCELLED',
      placedAt: later(5),
      paidAt: undefined,
      closedAt: later(5_005),
    },
    { orderNo: 'C', status: 'PAID', placedAt: later(9), paidAt: later(10), closedAt: undefined },
  ],
  [
    { orderNo: 'A', effect: 'push Created', count: 1, at: later(31) },
    { orderNo: 'A', effect: 'push Paid', count: 2, at: later(45) },
    { orderNo: 'A', effect: 'delivery', count: 2, at: later(50) },
    { orderNo: 'B', effect: 'push Created', count: 1, at: later(40) },
    { orderNo: 'B', effect: 'push Closed', count: 1, at: later(5_100) },
    { orderNo: 'B', effect: 'delivery', count: 2, at: later(50) },
    { orderNo: 'C', effect: 'push Created', count: 1, at: later(40) },
    { orderNo: 'C', effect: 'push Paid', count: 1, at: later(41) },
    { orderNo: 'C', effect: 'delivery', count: 2, at: later(50) },
    { orderNo: 'C', effect: 'coupon', count: 1, at: later(2_009) },
  ],
);

describe('verdictOf', () => {
  it('sums up what the orders have and lack', () => {
    expect(verdictOf(ways, calm, ['C'], 4.321)).toEqual({
      orders: 3,
      paid: 2,
      closed: 1,
      coupons: 1,
      pushes: 7,
      dlq_redriven: 1,
      lost: 1,
      duplicated: 1,
      seconds: 4.3,
    });
  });

  it('holds doubled, unearned and torn orders of other runs against the system, their missing effects not', () => {
    const whole = { ...calm, missing: 7, doubled: 2, unearned: 1, torn: 1 };
    expect(verdictOf(ways, whole, [], 1)).toMatchObject({ lost: 1, duplicated: 4 });
  });
});

describe('wayTable', () => {
  it('shows one line an order, first placed first, with the time to each effect', () => {
    expect(wayTable(ways, ['C']).split('\n').slice(0, 4)).toEqual([
      '  order        placed    paid    closed    coupon  push C  push P    push X',
      '  A      12:00:00.000  +20 ms         –         –  +31 ms  +45 ms         –  LOST: coupon, TWICE: push Paid',
      '  B      12:00:00.005       –  +5000 ms         –  +35 ms       –  +5095 ms',
      '  C      12:00:00.009   +1 ms         –  +2000 ms  +31 ms  +32 ms         –  coupon redriven',
    ]);
  });
});
