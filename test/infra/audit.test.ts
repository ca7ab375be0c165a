import { describe, expect, it } from '@jest/globals';
import { judge, type Effect, type EffectFacts, type OrderFacts } from '../../infra/audit.ts';

const at = new Date('2026-11-20T12:00:00.000Z');
const facts = { orderNo: 'A', placedAt: at, paidAt: undefined, closedAt: undefined };
const paid: OrderFacts = { ...facts, status: 'PAID', paidAt: at };
const closed: OrderFacts = { ...facts, status: 'CANCELLED', closedAt: at };
const pending: OrderFacts = { ...facts, status: 'PENDING' };

function effects(counts: Partial<Record<Effect, number>>): EffectFacts[] {
  return Object.entries(counts).map(([effect, count]) => ({
    orderNo: 'A',
    effect: effect as Effect,
    count,
    at,
  }));
}

describe('judge', () => {
  it('finds nothing wrong with a paid order that has a coupon and two delivered pushes', () => {
    const all = effects({ coupon: 1, 'push Created': 1, 'push Paid': 1, delivery: 2 });
    expect(judge(['A'], [paid], all)).toMatchObject([{ lost: [], duplicated: [] }]);
  });

  it('expects of a closed order its two pushes and no coupon', () => {
    const all = effects({ 'push Created': 1, 'push Closed': 1, delivery: 2 });
    expect(judge(['A'], [closed], all)).toMatchObject([{ lost: [], duplicated: [] }]);
  });

  it('does not let an order rest that is neither paid nor closed: its close message is lost', () => {
    const all = effects({ 'push Created': 1, delivery: 1 });
    expect(judge(['A'], [pending], all)).toMatchObject([
      { lost: ['payment or closing'], duplicated: [] },
    ]);
  });

  it('names what a paid order lacks', () => {
    expect(judge(['A'], [paid], effects({ 'push Paid': 1, delivery: 1 }))).toMatchObject([
      { lost: ['push Created', 'delivery', 'coupon'], duplicated: [] },
    ]);
  });

  it('counts what is there more often than once', () => {
    const all = effects({ coupon: 3, 'push Created': 2, 'push Paid': 1, delivery: 2 });
    expect(judge(['A'], [paid], all)).toMatchObject([
      { lost: [], duplicated: ['push Created', 'coupon', 'coupon'] },
    ]);
  });

  it('takes the coupon of a closed order, and its second end, for one too many', () => {
    const all = effects({
      coupon: 1,
      'push Created': 1,
      'push Paid': 1,
      'push Closed': 1,
      delivery: 3,
    });
    expect(judge(['A'], [{ ...closed, paidAt: at }], all)).toMatchObject([
      { lost: [], duplicated: ['end: paid and closed', 'push Paid', 'delivery', 'coupon'] },
    ]);
  });

  it('takes an acknowledged order without a row for lost', () => {
    expect(judge(['A'], [], [])).toMatchObject([{ lost: ['order', 'push Created', 'delivery'] }]);
  });
});
