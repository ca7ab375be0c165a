import type { EffectFacts, OrderWay, WholeDatabase } from '../audit.ts';

/** The last line of `npm run demo -- --once`. */
export interface Verdict {
  orders: number;
  paid: number;
  coupons: number;
  pushes: number;
  lost: number;
  duplicated: number;
  seconds: number;
}

/**
 * Sums up a run: what was lost of its own orders, and what there is twice, of its own or anywhere in the databases.
 * Orders that other runs have left on their way are not this run's loss.
 */
export function verdictOf(
  ways: readonly OrderWay[],
  whole: WholeDatabase,
  seconds: number,
): Verdict {
  const sum = (of: (way: OrderWay) => number): number =>
    ways.reduce((total, way) => total + of(way), 0);
  const count = (way: OrderWay, effect: EffectFacts['effect']): number =>
    way.effects.get(effect)?.count ?? 0;
  return {
    orders: ways.length,
    paid: sum(({ order }) => (order?.status === 'PAID' ? 1 : 0)),
    coupons: sum((way) => count(way, 'coupon')),
    pushes: sum((way) => count(way, 'push Created') + count(way, 'push Paid')),
    lost: sum(({ lost }) => lost.length),
    duplicated: Math.max(
      sum(({ duplicated }) => duplicated.length),
      whole.doubled + whole.unearned,
    ),
    seconds: Math.round(seconds * 10) / 10,
  };
}

/** One line an order: when it was placed, and how much later each thing had happened. */
export function wayTable(ways: readonly OrderWay[]): string {
  const header = ['order', 'placed', 'paid', 'coupon', 'push Created', 'push Paid', ''];
  const rows = [...ways]
    .sort((a, b) => (a.order?.placedAt.getTime() ?? 0) - (b.order?.placedAt.getTime() ?? 0))
    .map(({ orderNo, order, effects, lost, duplicated }) => {
      const placedAt = order?.placedAt;
      const later = (at: Date | undefined): string =>
        at === undefined || placedAt === undefined
          ? '–'
          : `+${at.getTime() - placedAt.getTime()} ms`;
      return [
        orderNo,
        placedAt?.toISOString().slice(11, 23) ?? '–',
        later(order?.paidAt),
        later(effects.get('coupon')?.at),
        later(effects.get('push Created')?.at),
        later(effects.get('push Paid')?.at),
        [
          ...lost.map((what) => `LOST: ${what}`),
          ...duplicated.map((what) => `TWICE: ${what}`),
        ].join(', '),
      ];
    });
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  return [header, ...rows]
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 || column === row.length - 1
            ? cell.padEnd(widths[column] ?? 0)
            : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `  ${line}`)
    .join('\n');
}

export function auditText(verdict: Verdict, whole: WholeDatabase): string {
  const { orders, paid, coupons, pushes, lost, duplicated } = verdict;
  return [
    `  Audit of this run: ${orders} orders, ${paid} paid, ${coupons} coupons, ${pushes} pushes; ${lost} lost, ${duplicated} duplicated`,
    `  Whole database:    ${whole.orders} orders, ${whole.paid} paid; ${whole.missing} effects not there, ${whole.doubled} doubled, ${whole.unearned} coupons unearned`,
  ].join('\n');
}
