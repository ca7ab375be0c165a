import type { AuditReport, OrderVerdict } from '../audit/audit.ts';
import type { Finding } from '../audit/finding.ts';
import type { OrderFacts } from '../audit/order-facts.ts';
import type { SaleFacts } from '../audit/sale-facts.ts';
import type { SaleRun } from './flash-sale.ts';
import type { DemoOrder } from './life-of-an-order.ts';
import type { OrderKind } from './plan.ts';

/** The last line of `npm run demo -- --once`. */
export interface Verdict {
  orders: number;
  /** Paid, and not given back. */
  paid: number;
  closed: number;
  refunded: number;
  coupons: number;
  pushes: number;
  /** Orders, of the sale's, too, whose coupon had to be taken from the dead-letter queue, and how many of them have it. */
  dlq: number;
  dlq_redriven: number;
  /** Customers of the flash sale who got a piece, who were turned away, and pieces that came back unpaid. */
  sale_admitted: number;
  sale_turned_away: number;
  sale_returned: number;
  /** Pieces of the sale that were sold beyond its stock. */
  oversold: number;
  /** Rows of the order database that were held against the copy, and those that differ there. */
  copied_rows: number;
  copy_differences: number;
  lost: number;
  duplicated: number;
  seed: number;
  seconds: number;
}

/** The flash sale of a run: what its customers know, what its ledger says, and what is the matter with it. */
export interface SaleOutcome {
  run: SaleRun;
  facts: SaleFacts | undefined;
  verdicts: readonly OrderVerdict[];
  findings: readonly Finding[];
}

/**
 * Sums up a run; what is wrong in the databases as a whole counts, too, unless it is only missing. Orders of the flash sale are
 * counted by themselves, what is the matter with them together with the others.
 */
export function verdictOf(run: {
  orders: readonly DemoOrder[];
  verdicts: readonly OrderVerdict[];
  sale: SaleOutcome;
  whole: AuditReport;
  deadLetters: ReadonlySet<string>;
  seed: number;
  seconds: number;
}): Verdict {
  const { verdicts, sale, deadLetters } = run;
  const facts = verdicts.map((verdict) => verdict.facts);
  const own = [...verdicts, ...sale.verdicts, sale].flatMap(({ findings }) => findings);
  const all = [
    ...own,
    ...buyersFindings(run.orders, verdicts),
    ...buyersFindings(sale.run.orders, sale.verdicts),
  ];
  const ofCopy = new Set(run.whole.copy?.findings);
  const ownKeys = new Set(own.map(({ orderNo, what }) => `${orderNo} ${what}`));
  const others = run.whole.findings.filter(
    (finding) =>
      finding.kind !== 'lost' &&
      !ofCopy.has(finding) &&
      !ownKeys.has(`${finding.orderNo} ${finding.what}`),
  );
  const statusCount = (...statuses: string[]): number =>
    facts.filter(({ order }) => statuses.includes(order?.status ?? '')).length;
  return {
    orders: facts.length,
    paid: statusCount('PAID', 'SHIPPED'),
    closed: statusCount('CANCELLED'),
    refunded: statusCount('REFUNDED', 'PARTIALLY_REFUNDED'),
    coupons: facts.reduce((sum, { coupons }) => sum + coupons.length, 0),
    pushes: facts.reduce((sum, { notifications }) => sum + notifications.length, 0),
    dlq: deadLetters.size,
    dlq_redriven: [...verdicts, ...sale.verdicts].filter(
      ({ facts: { orderNo, coupons } }) => deadLetters.has(orderNo) && coupons.length > 0,
    ).length,
    sale_admitted: sale.run.orders.length,
    sale_turned_away: sale.run.turnedAway,
    sale_returned: sale.run.returned,
    oversold: Math.max(0, (sale.facts?.liveOrders ?? 0) - (sale.facts?.stock ?? 0)),
    copied_rows: run.whole.copy?.rows ?? 0,
    copy_differences: run.whole.copy?.findings.length ?? 0,
    lost: all.filter(({ kind }) => kind === 'lost').length,
    duplicated: all.filter(({ kind }) => kind !== 'lost').length + others.length,
    seed: run.seed,
    seconds: Math.round(run.seconds * 10) / 10,
  };
}

/** Nothing is lost, doubled or oversold, and there is a copy, which is the same. */
export function isGoodRun(verdict: Verdict): boolean {
  const { lost, duplicated, oversold, copied_rows: copied, copy_differences: differing } = verdict;
  return lost + duplicated + oversold + differing === 0 && copied > 0;
}

/**
 * What only the customers know: a payment or a refund that was acknowledged and is not there is lost, however well
 * everything else fits; and nobody may have paid for who did not.
 */
export function buyersFindings(
  orders: readonly DemoOrder[],
  verdicts: readonly OrderVerdict[],
): OrderVerdict['findings'] {
  const factsOf = new Map(verdicts.map(({ facts }) => [facts.orderNo, facts]));
  return orders.flatMap(({ plan, orderNo, paymentNo, refundNo }) => {
    const facts = factsOf.get(orderNo);
    if (facts?.order === undefined) return [];
    const say = (kind: 'lost' | 'duplicated', what: string) => [{ orderNo, kind, what }];
    const isPaid = facts.order.paymentNo !== undefined;
    // One that came too late is known by its refund.
    const isLate = facts.orderRefunds.some(
      (refund) => refund.reason === 'LATE_PAYMENT' && refund.paymentNo === paymentNo,
    );
    if (paymentNo !== undefined && facts.order.paymentNo !== paymentNo && !isLate) {
      return say('lost', `acknowledged payment ${paymentNo}`);
    }
    if (plan.kind === 'unpaid' && isPaid) return say('duplicated', 'payment that nobody made');
    const isKnown = facts.orderRefunds.some((refund) => refund.refundNo === refundNo);
    if (refundNo !== undefined && !isKnown) return say('lost', `acknowledged refund ${refundNo}`);
    return [];
  });
}

const kindTexts: Readonly<Record<OrderKind, string>> = {
  paid: 'paid',
  unpaid: 'left unpaid',
  'refunded-before-shipping': 'refunded before shipping',
  'refunded-after-shipping': 'refunded after shipping',
  'refunded-by-a-failing-channel': 'refunded, channel failing twice',
  'without-broker': 'placed without a broker',
};

const stations: readonly [string, (facts: OrderFacts) => Date | undefined][] = [
  ['paid', ({ order }) => order?.paidAt],
  ['coupon', ({ coupons }) => coupons[0]?.issuedAt],
  ['push', ({ notifications }) => notifications.find(({ kind }) => kind === 'Paid')?.recordedAt],
  ['shipped', ({ order }) => order?.shippedAt],
  ['closed', ({ order }) => order?.closedAt],
  ['refund asked', ({ orderRefunds }) => orderRefunds[0]?.requestedAt],
  ['refund done', ({ orderRefunds }) => orderRefunds[0]?.completedAt],
];

/** One line a kind of order: how long after it was placed each thing had happened, in seconds; the middle one and the slowest. */
export function timelineTable(
  orders: readonly DemoOrder[],
  verdicts: readonly OrderVerdict[],
): string {
  const factsOf = new Map(verdicts.map(({ facts }) => [facts.orderNo, facts]));
  const header = ['seconds after it was placed', 'orders', ...stations.map(([name]) => name)];
  const rows = Object.entries(kindTexts).map(([kind, text]) => {
    const facts = orders
      .filter(({ plan }) => plan.kind === kind)
      .map(({ orderNo }) => factsOf.get(orderNo))
      .filter((each) => each !== undefined);
    const cells = stations.map(([, timeOf]) => spread(facts, timeOf));
    return [text, String(facts.length), ...cells];
  });
  return table([header, ...rows]);
}

function spread(
  facts: readonly OrderFacts[],
  timeOf: (facts: OrderFacts) => Date | undefined,
): string {
  const seconds = facts
    .flatMap((each) => {
      const at = timeOf(each);
      const placedAt = each.order?.placedAt;
      return at === undefined || placedAt === undefined
        ? []
        : [(at.getTime() - placedAt.getTime()) / 1_000];
    })
    .sort((a, b) => a - b);
  if (seconds.length === 0) return '–';
  const middle = seconds[Math.floor(seconds.length / 2)]!;
  return `${middle.toFixed(1)} … ${seconds.at(-1)!.toFixed(1)}`;
}

/** What each service has done, in its own words. */
export function workTable(
  facts: readonly OrderFacts[],
  counters: Readonly<Record<string, number>>,
): string {
  const sum = (of: (each: OrderFacts) => number): number =>
    facts.reduce((total, each) => total + of(each), 0);
  const movement = (kind: string): number =>
    sum(({ stockMovements }) =>
      stockMovements
        .filter((each) => each.kind === kind)
        .reduce((all, { quantity }) => all + quantity, 0),
    );
  const points = (kind: string): number =>
    sum(({ pointsMovements }) =>
      pointsMovements
        .filter((each) => each.kind === kind)
        .reduce((all, each) => all + each.points, 0),
    );
  const counter = (name: string): string => String(counters[name] ?? 0);
  const refunds = facts.flatMap(({ orderRefunds }) => orderRefunds);
  return table([
    [
      'order',
      `${facts.length} placed, ${refunds.length} refunds begun; ${counter('order spooled')} messages spooled while the broker was away`,
    ],
    [
      'stock',
      `${movement('RESERVED')} pieces reserved, ${movement('CONFIRMED')} sold, ${movement('RELEASED')} let go, ${movement('RESTOCKED')} back on the shelf`,
    ],
    [
      'payment',
      `${sum(({ payments }) => payments.length)} payments, ${counter('callbacks')} callbacks, of them ${counter('callbacks twice')} a second time; ${sum(({ channelRefunds }) => channelRefunds.length)} refunds through the channel`,
    ],
    [
      'coupon',
      `${sum(({ coupons }) => coupons.length)} coupons and ${sum(({ redPackets }) => redPackets.length)} red packets issued, ${sum(({ redPackets }) => redPackets.filter(({ status }) => status === 'RECALLED').length)} recalled, ${sum(({ redemption }) => (redemption === undefined ? 0 : 1))} coupons used; ${counter('dead letters')} tries of dead letters`,
    ],
    ['points', `${points('EARNED')} points earned, ${points('DEDUCTED')} deducted`],
    [
      'warehouse',
      `${sum(({ shipments }) => shipments.filter(({ status }) => status === 'SHIPPED').length)} parcels shipped, ${sum(({ shipments }) => shipments.filter(({ status }) => status === 'CANCELLED').length)} cancelled; the carrier had to be asked again ${counter('ship retries')} times`,
    ],
    [
      'refund',
      `${sum((each) => each.refunds.filter(({ status }) => status === 'COMPLETED').length)} refunds through all their steps`,
    ],
    ['push', `${sum(({ notifications }) => notifications.length)} notifications, each delivered`],
  ]);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 || row.length === 2
            ? cell.padEnd(widths[column] ?? 0)
            : cell.padStart(widths[column] ?? 0),
        )
        .join('  '),
    )
    .map((line) => `  ${line}`.trimEnd())
    .join('\n');
}
