import { describe, expect, it } from '@jest/globals';
import type { AuditReport, OrderVerdict } from '../../../infra/audit/audit.ts';
import type { Finding } from '../../../infra/audit/finding.ts';
import type { OrderFacts } from '../../../infra/audit/order-facts.ts';
import { judge } from '../../../infra/audit/order-rules.ts';
import type { DemoOrder } from '../../../infra/demo/life-of-an-order.ts';
import type { OrderKind, OrderPlan } from '../../../infra/demo/plan.ts';
import {
  buyersFindings,
  isGoodRun,
  timelineTable,
  verdictOf,
  workTable,
  type SaleOutcome,
} from '../../../infra/demo/report.ts';
import { closed, closedAndPaidTooLate, refundedWhole, shipped } from '../audit/facts.ts';

const quiet: AuditReport = {
  orders: 3,
  byStatus: {},
  underWay: 0,
  sales: 1,
  tickets: 2,
  copy: { rows: 12, findings: [] },
  findings: [],
};

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
const sale: SaleOutcome = {
  run: {
    saleId: 'S',
    orders: [
      { plan: plan('paid'), orderNo: 'BOUGHT', paymentNo: 'P' },
      { plan: plan('unpaid'), orderNo: 'LEFT' },
    ],
    turnedAway: 5,
    returned: 1,
  },
  facts: {
    saleId: 'S',
    sku: 'GRINDER-HAND',
    stock: 1,
    perUserLimit: 1,
    state: 'OPEN',
    taken: 1,
    liveTickets: 1,
    liveOrders: 1,
    users: [],
  },
  verdicts: [verdict('BOUGHT', shipped()), verdict('LEFT', closed())],
  findings: [],
};
const run = {
  orders,
  verdicts,
  sale,
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
      sale_admitted: 2,
      sale_turned_away: 5,
      sale_returned: 1,
      oversold: 0,
      copied_rows: 12,
      copy_differences: 0,
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

describe('verdictOf, of a flash sale', () => {
  it('counts what was sold beyond the stock, and what is the matter with the sale', () => {
    const damaged: SaleOutcome = {
      ...sale,
      facts: { ...sale.facts!, liveOrders: 3 },
      findings: [{ orderNo: 'S', kind: 'duplicated', what: '3 orders for a stock of 1' }],
    };
    expect(verdictOf({ ...run, sale: damaged })).toMatchObject({ oversold: 2, duplicated: 1 });
  });

  it('misses a payment that one of its customers was told of', () => {
    const [bought, left] = sale.run.orders;
    const told = { ...sale.run, orders: [{ ...bought!, paymentNo: 'P9' }, left!] };
    expect(verdictOf({ ...run, sale: { ...sale, run: told } })).toMatchObject({ lost: 1 });
  });
});

describe('verdictOf, of the copy', () => {
  const gone: Finding = {
    orderNo: 'A',
    kind: 'lost',
    what: 'orders A, which the copy has not got',
  };
  const stale: Finding = { orderNo: 'B', kind: 'wrong', what: 'copy of orders B' };

  it('counts what differs there once, missing or not, and by itself', () => {
    const copy = { rows: 12, findings: [gone, stale] };
    const whole = { ...quiet, copy, findings: copy.findings };
    const expected = { copied_rows: 12, copy_differences: 2, lost: 0, duplicated: 0 };
    expect(verdictOf({ ...run, whole })).toMatchObject(expected);
  });

  it('calls no run good that has another copy, or none', () => {
    const good = verdictOf(run);
    expect(isGoodRun(good)).toBe(true);
    expect(isGoodRun({ ...good, copy_differences: 1 })).toBe(false);
    expect(isGoodRun({ ...good, copied_rows: 0 })).toBe(false);
    expect(isGoodRun({ ...good, oversold: 1 })).toBe(false);
    expect(isGoodRun({ ...good, lost: 1 })).toBe(false);
    expect(isGoodRun({ ...good, duplicated: 1 })).toBe(false);
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

  it('misses no payment that came too late, and went back', () => {
    const [late] = closedAndPaidTooLate().orderRefunds;
    const told: DemoOrder = { plan: plan('paid'), orderNo: 'LATE', paymentNo: late!.paymentNo };
    expect(buyersFindings([told], [verdict('LATE', closedAndPaidTooLate())])).toEqual([]);
    const other = { ...told, paymentNo: 'P9' };
    expect(buyersFindings([other], [verdict('LATE', closedAndPaidTooLate())])).toHaveLength(1);
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
