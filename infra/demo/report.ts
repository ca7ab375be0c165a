import type { Effect, OrderWay, WholeDatabase } from '../audit.ts';

/** The last line of `npm run demo -- --once`. */
export interface Verdict {
  orders: number;
  paid: number;
  closed: number;
  coupons: number;
  pushes: number;
  dlq_redriven: number;
  lost: number;
  duplicated: number;
  seconds: number;
}

const pushes = ['push Created', 'push Paid', 'push Closed'] as const satisfies readonly Effect[];

/**
 * Sums up a run: what was lost of its own orders, and what there is twice, of its own or anywhere in the databases.
 * Orders that other runs have left on their way are not this run's loss.
 */
export function verdictOf(
  ways: readonly OrderWay[],
  whole: WholeDatabase,
  redriven: readonly string[],
  seconds: number,
): Verdict {
  const sum = (of: (way: OrderWay) => number): number =>
    ways.reduce((total, way) => total + of(way), 0);
  const count = (way: OrderWay, effect: Effect): number => way.effects.get(effect)?.count ?? 0;
  return {
    orders: ways.length,
    paid: sum(({ order }) => (order?.status === 'PAID' ? 1 : 0)),
    closed: sum(({ order }) => (order?.status === 'CANCELLED' ? 1 : 0)),
    coupons: sum((way) => count(way, 'coupon')),
    pushes: sum((way) => pushes.reduce((total, push) => total + count(way, push), 0)),
    dlq_redriven: redriven.length,
    lost: sum(({ lost }) => lost.length),
    duplicated: Math.max(
      sum(({ duplicated }) => duplicated.length),
      whole.doubled + whole.unearned + whole.torn,
    ),
    seconds: Math.round(seconds * 10) / 10,
  };
}

/** One line an order: when it was placed, and how much later each thing had happened. */
export function wayTable(ways: readonly OrderWay[], redriven: readonly string[]): string {
  const header = ['order', 'placed', 'paid', 'closed', 'coupon', 'push C', 'push P', 'push X', ''];
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
        later(order?.closedAt),
        later(effects.get('coupon')?.at),
        ...pushes.map((push) => later(effects.get(push)?.at)),
        [
          ...(redriven.includes(orderNo) ? ['coupon redriven'] : []),
          ...lost.map((what) => `LOST: ${what}`),
          ...duplicated.map((what) => `TWICE: ${what}`),
        ].join(', '),
      ];
    });
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = [header, ...rows].map((row) =>
    row
      .map((cell, column) =>
        column === 0 || column === row.length - 1
          ? cell.padEnd(widths[column] ?? 0)
          : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  const legend = 'push C, P, X: the user was told that the order was created, paid, closed';
  return [...lines, '', legend].map((line) => `  ${line}`.trimEnd()).join('\n');
}

export function auditText(verdict: Verdict, whole: WholeDatabase): string {
  const { orders, paid, closed, coupons, lost, duplicated } = verdict;
  return [
    `  Audit of this run: ${orders} orders, ${paid} paid, ${closed} closed, ${coupons} coupons, ` +
      `${verdict.pushes} pushes, ${verdict.dlq_redriven} redriven; ${lost} lost, ${duplicated} duplicated`,
    `  Whole database:    ${whole.orders} orders, ${whole.paid} paid, ${whole.closed} closed; ` +
      `${whole.missing} effects not there, ${whole.doubled} doubled, ${whole.unearned} of what has not happened, ` +
      `${whole.torn} orders that contradict themselves`,
  ].join('\n');
}
