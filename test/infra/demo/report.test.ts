import { describe, expect, it } from '@jest/globals';
import type { AuditReport, OrderVerdict } from '../../../infra/audit/audit.ts';
import type { OrderFacts } from '../../../infra/audit/order-facts.ts';
import { judge } from '../../../infra/audit/order-rules.ts';
import type { DemoOrder } from '../../../infra/demo/life-of-an-order.ts';
import type { OrderKind, OrderPlan } from '../../../infra/demo/plan.ts';
import { buyersFindings, timelineTable, verdictOf, workTable } from '../../../infra/demo/report.ts';
import { closed, refundedWhole, shipped } from '../audit/facts.ts';

const quiet: AuditReport = { orders: 3, byStatus: {}, underWay: 0, findings: [] };

function plan(kind: OrderKind): OrderPlan {
  return {
    number: 1,
    kind,
    userId: 'user-1',
    items: [],
    isImpatient: false,
    couponOf: undefined,
    isPartial: false,
  };
}

function verdict(orderNo: string, facts: OrderFacts, findings = judge(facts)): OrderVerdict {
  return { facts: { ...facts, orderNo }, findings };
}

const orders: DemoOrder[] = [
  { plan: plan('paid'), orderNo: 'SHIPPED', paymentNo: 'P' },
  { plan: plan('unpaid'), orderNo: 'CLOSED' },
  { plan: plan('refunded-after-shipping'), orderNo: 'BACK', paymentNo: 'P', refundNo: 'R' },
];
const verdicts = [
  verdict('SHIPPED', shipped()),
  verdict('CLOSED', closed()),
  verdict('BACK', refundedWhole(shipped())),
];
const run = {
  orders,
  verdicts,
  whole: quiet,
  deadLetters: new Set<string>(),
  seed: 7,
  seconds: 4.321,
};

describe('verdictOf', () => {
  it('sums up a run', () => {
    expect(verdictOf({ ...run, deadLetters: new Set(['SHIPPED', 'CLOSED']) })).toEqual({
      orders: 3,
      paid: 1,
      closed: 1,
      refunded: 1,
      coupons: 2,
      pushes: 10,
      dlq: 2,
      dlq_redriven: 1,
      lost: 0,
      duplicated: 0,
      seed: 7,
      seconds: 4.3,
    });
  });

  it('counts the damage of its orders, and of others what is not only missing, each once', () => {
    const damaged = verdict('SHIPPED', shipped(), [
      { orderNo: 'SHIPPED', kind: 'lost', what: 'coupon' },
      { orderNo: 'SHIPPED', kind: 'wrong', what: 'total' },
    ]);
    const whole: AuditReport = {
      ...quiet,
      findings: [
        ...damaged.findings,
        { orderNo: 'OTHER', kind: 'lost', what: 'coupon' },
        { orderNo: 'OTHER', kind: 'duplicated', what: 'coupon' },
        { orderNo: 'TEA', kind: 'wrong', what: 'level' },
      ],
    };
    expect(verdictOf({ ...run, verdicts: [damaged, ...verdicts.slice(1)], whole })).toMatchObject({
      lost: 1,
      duplicated: 3,
    });
  });
});

describe('buyersFindings', () => {
  it('has nothing to say of orders that became what their customers were told', () => {
    expect(buyersFindings(orders, verdicts)).toEqual([]);
  });

  it('misses a payment and a refund that were acknowledged', () => {
    const told = [
      { ...orders[0]!, paymentNo: 'P9' },
      { ...orders[2]!, refundNo: 'R9' },
    ];
    expect(buyersFindings(told, verdicts)).toEqual([
      { orderNo: 'SHIPPED', kind: 'lost', what: 'acknowledged payment P9' },
      { orderNo: 'BACK', kind: 'lost', what: 'acknowledged refund R9' },
    ]);
  });

  it('notices a payment that nobody has made', () => {
    const left: DemoOrder = { plan: plan('unpaid'), orderNo: 'SHIPPED' };
    expect(buyersFindings([left], verdicts)).toEqual([
      { orderNo: 'SHIPPED', kind: 'duplicated', what: 'payment that nobody made' },
    ]);
  });
});

describe('the tables', () => {
  it('show a line for each kind of order, with the middle and the slowest of each thing', () => {
    const paidAt = new Date('2026-11-20T12:00:01.500Z');
    const facts = shipped();
    const slow = { ...facts, order: { ...facts.order!, paidAt } };
    const both = [orders[0]!, { ...orders[0]!, orderNo: 'SLOW' }];
    const lines = timelineTable(both, [verdict('SHIPPED', facts), verdict('SLOW', slow)]).split(
      '\n',
    );
    expect(lines).toHaveLength(7);
    expect(lines[0]).toMatch(/^ {2}seconds after it was placed +orders +paid +coupon/);
    expect(lines[1]).toMatch(/^ {2}paid +2 +1\.5 … 1\.5 +0\.0 … 0\.0/);
    expect(lines[2]).toMatch(/^ {2}left unpaid +0 +– +–/);
  });

  it('tell what each service has done', () => {
    const text = workTable(
      verdicts.map(({ facts }) => facts),
      { 'order spooled': 4, callbacks: 3, 'callbacks twice': 1 },
    );
    expect(text).toContain('3 placed, 1 refunds begun; 4 messages spooled');
    expect(text).toContain('9 pieces reserved, 6 sold, 3 let go, 3 back on the shelf');
    expect(text).toContain('2 payments, 3 callbacks, of them 1 a second time; 1 refunds');
    expect(text).toContain('2 coupons and 2 red packets issued, 1 recalled, 0 coupons used');
    expect(text).toContain('50 points earned, 25 deducted');
    expect(text).toContain('2 parcels shipped, 0 cancelled');
  });
});
