import { bucketsOf, bucketsSince, quantileMs, type Buckets } from './latencies.ts';
import type { Sample } from './metrics-text.ts';
import type { PeerName } from '../config.ts';
import type { FiguresEvent } from '../live/live-events.ts';

export const HTTP_SECONDS = 'http_request_duration_seconds';
export const CONSUMED = 'millrace_messages_consumed_total';
export const FLASH_TICKETS = 'millrace_flash_tickets_total';

/** The metrics that are read of each service; the others cost it work, and the broker: their backlogs. */
export const readMetrics = [HTTP_SECONDS, CONSUMED, FLASH_TICKETS];

/** After these a consumer has done with a message. */
const doneOutcomes = new Set(['handled', 'duplicate', 'overtaken', 'refused', 'parked']);

/** A checkout now and then should not make the curve jump: the latencies are those of so many readings. */
const LATENCY_READINGS = 10;

/** All services' metrics at one moment; one that did not answer is not in it. */
export interface Reading {
  /** By a clock that never goes back. */
  readonly atMs: number;
  readonly samples: ReadonlyMap<PeerName, readonly Sample[]>;
}

interface Counts {
  readonly orders: number;
  readonly events: number;
}

interface Totals {
  readonly atMs: number;
  readonly counts: ReadonlyMap<PeerName, Counts>;
  readonly checkouts: Buckets | undefined;
}

type Rates = Pick<FiguresEvent, 'ordersPerS' | 'eventsPerS' | 'checkoutP50Ms' | 'checkoutP99Ms'>;

/** Makes rates of counters that only grow, from one reading to the next. */
export class Figures {
  #last: Totals[] = [];

  /** The first reading, and one after a long pause, say nothing of rates: there they are 0. */
  add(reading: Reading): Rates {
    const now = totalsOf(reading);
    const before = this.#last.at(-1);
    const firstCheckouts = this.#last.find(({ checkouts }) => checkouts !== undefined)?.checkouts;
    this.#last = [...this.#last.slice(1 - LATENCY_READINGS), now];
    const seconds = before === undefined ? 0 : (now.atMs - before.atMs) / 1_000;
    const rateOf = (count: keyof Counts): number =>
      before === undefined || seconds <= 0 ? 0 : grownBy(now, before, count) / seconds;
    const checkouts =
      now.checkouts && firstCheckouts ? bucketsSince(now.checkouts, firstCheckouts) : new Map();
    return {
      ordersPerS: rateOf('orders'),
      eventsPerS: rateOf('events'),
      checkoutP50Ms: quantileMs(checkouts, 0.5),
      checkoutP99Ms: quantileMs(checkouts, 0.99),
    };
  }

  /** What was read before is too old to be compared with. */
  forget(): void {
    this.#last = [];
  }
}

function totalsOf({ atMs, samples }: Reading): Totals {
  const order = samples.get('order');
  return {
    atMs,
    counts: new Map(Array.from(samples, ([name, ofService]) => [name, countsOf(ofService)])),
    checkouts: order && bucketsOf(order.filter(isCheckoutOf(`${HTTP_SECONDS}_bucket`))),
  };
}

function countsOf(samples: readonly Sample[]): Counts {
  const sum = (isCounted: (sample: Sample) => boolean): number =>
    samples.filter(isCounted).reduce((total, { value }) => total + value, 0);
  return {
    orders:
      sum(isCheckoutOf(`${HTTP_SECONDS}_count`)) +
      sum(({ name, labels }) => name === FLASH_TICKETS && labels['outcome'] === 'ORDERED'),
    events: sum(
      ({ name, labels }) => name === CONSUMED && doneOutcomes.has(labels['outcome'] ?? ''),
    ),
  };
}

function isCheckoutOf(metric: string): (sample: Sample) => boolean {
  return ({ name, labels }) =>
    name === metric &&
    labels['method'] === 'POST' &&
    labels['route'] === '/orders' &&
    labels['status'] === '201';
}

/** Of a process that has started again all is new; of one that did not answer nothing is known, until it does again. */
function grownBy(now: Totals, before: Totals, count: keyof Counts): number {
  let total = 0;
  for (const [name, counts] of now.counts) {
    const earlier = before.counts.get(name)?.[count];
    if (earlier === undefined) continue;
    total += counts[count] < earlier ? counts[count] : counts[count] - earlier;
  }
  return total;
}
