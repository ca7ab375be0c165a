import { describe, expect, it } from '@jest/globals';
import { judge, type EffectFacts, type OrderFacts } from '../../infra/audit.ts';

const at = new Date('2026-11-20T12:00:00.000Z');
const paid: OrderFacts = { orderNo: 'A', status: 'PAID', placedAt: at, paidAt: at };
const pending: OrderFacts = { orderNo: 'A', status: 'PENDING', placedAt: at, paidAt: undefined };

function effects(counts: Partial<Record<EffectFacts['effect'], number>>): EffectFacts[] {
  return (['coupon', 'push Created', 'push Paid'] as const).flatMap((effect) => {
    const count = counts[effect] ?? 0;
    return count === 0 ? [] : [{ orderNo: 'A', effect, count, at }];
  });
}

describe('judge', () => {
  it('finds nothing wrong with a paid order that has a coupon and two pushes', () => {
    const all = effects({ coupon: 1, 'push Created': 1, 'push Paid': 1 });
    expect(judge(['A'], [paid], all)).toMatchObject([{ lost: [], duplicated: [] }]);
  });

  it('expects of an unpaid order its first push only', () => {
    expect(judge(['A'], [pending], effects({ 'push Created': 1 }))).toMatchObject([
      { lost: [], duplicated: [] },
    ]);
  });

  it('names what a paid order lacks', () => {
    expect(judge(['A'], [paid], effects({ 'push Paid': 1 }))).toMatchObject([
      { lost: ['push Created', 'coupon'], duplicated: [] },
    ]);
  });

  it('counts what is there more often than once', () => {
    const all = effects({ coupon: 3, 'push Created': 2, 'push Paid': 1 });
    expect(judge(['A'], [paid], all)).toMatchObject([
      { lost: [], duplicated: ['push Created', 'coupon', 'coupon'] },
    ]);
  });

  it('takes the coupon of an unpaid order for one too many', () => {
    const all = effects({ coupon: 1, 'push Created': 1 });
    expect(judge(['A'], [pending], all)).toMatchObject([{ lost: [], duplicated: ['coupon'] }]);
  });

  it('takes an acknowledged order without a row for lost', () => {
    expect(judge(['A'], [], [])).toMatchObject([{ lost: ['order', 'push Created'] }]);
  });
});
