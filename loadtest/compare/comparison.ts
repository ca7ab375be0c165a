import type { LoadResult } from '../generator/load-result.ts';
import type { Chart, Section, Table } from '../report/page.ts';
import { CHECKOUT_MARK } from './checkouts.ts';

/** What checkouts came to in one run. */
export interface CheckoutFigures {
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
  /** Checkouts that came to nothing. */
  errors: number;
  /** Checkouts that were done, in the time in which customers came. */
  per_s: number;
}

/** The same customers, at the same rate, with the queue and without it. */
export interface Pair {
  /** How the third parties were: `third parties at 200 ms`. */
  name: string;
  withQueue: LoadResult;
  withoutQueue: LoadResult;
}

export function checkoutFigures(result: LoadResult, requestsPerCheckout: number): CheckoutFigures {
  const latency = result.marks[CHECKOUT_MARK];
  return {
    p50_ms: rounded(latency?.p50Ms ?? 0),
    p95_ms: rounded(latency?.p95Ms ?? 0),
    p99_ms: rounded(latency?.p99Ms ?? 0),
    errors: Object.values(result.errors).reduce((sum, count) => sum + count, 0),
    per_s: rounded(result.answeredPerS / requestsPerCheckout),
  };
}

/** A checkout of the shop is placed and paid for, each answered; the one without a queue is a single request. */
export function figuresOfPair({ withQueue, withoutQueue }: Pair): {
  with_queue: CheckoutFigures;
  without_queue: CheckoutFigures;
} {
  return {
    with_queue: checkoutFigures(withQueue, 2),
    without_queue: checkoutFigures(withoutQueue, 1),
  };
}

/** How many times longer the customers without a queue wait, by the 99th percentile; 0 when nobody was served. */
export function timesBetter(pair: Pair): number {
  const { with_queue: fast, without_queue: slow } = figuresOfPair(pair);
  return fast.p99_ms === 0 ? 0 : rounded(slow.p99_ms / fast.p99_ms);
}

export function sectionOfPair(pair: Pair): Section {
  return {
    heading: pair.name,
    text:
      `A checkout with the queue is two requests, each answered; without it, one that does everything. ` +
      `By the 99th percentile customers wait ${timesBetter(pair).toLocaleString('en')} times as long without the queue.`,
    tables: [sideBySide(pair)],
    charts: [
      perSecond(pair, 'Latency of a request, p99', 'ms', ({ latency }) =>
        latency.count === 0 ? null : latency.p99Ms,
      ),
      perSecond(pair, 'Failed', 'requests/s', ({ failed }) => failed),
      perSecond(pair, 'Under way', 'requests', ({ inFlight }) => inFlight),
    ],
  };
}

function sideBySide(pair: Pair): Table {
  const { with_queue: fast, without_queue: slow } = figuresOfPair(pair);
  const rows: [string, (figures: CheckoutFigures) => number][] = [
    ['median, ms', ({ p50_ms }) => p50_ms],
    ['p95, ms', ({ p95_ms }) => p95_ms],
    ['p99, ms', ({ p99_ms }) => p99_ms],
    ['failed', ({ errors }) => errors],
    ['done a second', ({ per_s }) => per_s],
  ];
  return {
    head: ['a checkout', 'with the queue', 'without it'],
    rows: rows.map(([name, of]) => [name, of(fast), of(slow)]),
  };
}

function perSecond(
  { withQueue, withoutQueue }: Pair,
  title: string,
  unit: string,
  of: (second: LoadResult['seconds'][number]) => number | null,
): Chart {
  const count = Math.max(withQueue.seconds.length, withoutQueue.seconds.length);
  const valuesOf = ({ seconds }: LoadResult): (number | null)[] => {
    const bySecond = new Map(seconds.map((second) => [second.second, of(second)]));
    return Array.from({ length: count }, (_, second) => bySecond.get(second) ?? null);
  };
  return {
    title,
    kind: 'time',
    unit,
    x: Array.from({ length: count }, (_, second) => second),
    isLogarithmic: unit === 'ms',
    lines: [
      { label: 'with the queue', values: valuesOf(withQueue) },
      { label: 'without it', values: valuesOf(withoutQueue) },
    ],
  };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
