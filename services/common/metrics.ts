import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  Registry,
  type Metric,
  type MetricValueWithName,
} from 'prom-client';
import { EventLoopDelay } from './event-loop-delay.ts';

/** Seconds: from what a row by its key takes to what a customer has given up on. */
const LATENCY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Prometheus waits 10 s for all of a service's numbers. */
const READ_TIMEOUT_MS = 2_000;

/** How often prom-client looks at the event loop, of which nothing is exposed. */
const NOBODY_READS_IT_MS = 3_600_000;

/** What becomes of a delivery; suspended and parked, where messages are handled in order. */
export const deliveryOutcomes = [
  'handled',
  'duplicate',
  'overtaken',
  'refused',
  'retried',
  'dead',
  'suspended',
  'parked',
] as const;
export type DeliveryOutcome = (typeof deliveryOutcomes)[number];

/** What becomes of a try of a dead letter: it is delivered, will be tried again, or nobody can help. */
export const deadLetterOutcomes = ['delivered', 'waiting', 'parked'] as const;

/** What a service tells Prometheus. One registry a service, so that several can run in one process. */
export class Metrics implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly registry = new Registry();

  readonly httpRequestSeconds = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from a request to its answer',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: LATENCY_BUCKETS,
    registers: [this.registry],
  });

  readonly messagesConsumed = new Counter({
    name: 'millrace_messages_consumed_total',
    help: 'Deliveries by what became of them: handled, duplicate, overtaken, refused, retried, dead; in order suspended, parked',
    labelNames: ['group', 'outcome'] as const,
    registers: [this.registry],
  });

  readonly consumeSeconds = new Histogram({
    name: 'millrace_message_handling_duration_seconds',
    help: 'Time a delivery takes its listener',
    labelNames: ['group'] as const,
    buckets: LATENCY_BUCKETS,
    registers: [this.registry],
  });

  /** Whatever makes this grow for long is something a person should look at. */
  readonly deadLetters = new Counter({
    name: 'millrace_dead_letters_total',
    help: 'Tries of dead letters by what became of them: delivered, waiting (to be tried again), parked (nobody can help)',
    labelNames: ['group', 'outcome'] as const,
    registers: [this.registry],
  });

  readonly messagesSpooled = new Counter({
    name: 'millrace_messages_spooled_total',
    help: 'Messages that went to the outbox because the broker was away',
    registers: [this.registry],
  });

  readonly #eventLoop = new EventLoopDelay(this.registry);
  readonly #readTimeoutMs: number;

  constructor(service: string, readTimeoutMs = READ_TIMEOUT_MS) {
    this.#readTimeoutMs = readTimeoutMs;
    this.registry.setDefaultLabels({ service });
    collectProcessMetrics(this.registry);
  }

  onApplicationBootstrap(): void {
    this.#eventLoop.start();
  }

  onApplicationShutdown(): void {
    this.#eventLoop.stop();
  }

  /** Those of these names, as Prometheus reads them; a name that there is not is left out. */
  async textOf(names: readonly string[]): Promise<string> {
    const { registry } = this;
    const known = [...new Set(names)].filter((name) => registry.getSingleMetric(name));
    const texts = await Promise.all(known.map((name) => registry.getSingleMetricAsString(name)));
    return texts.map((text) => `${text}\n`).join('');
  }

  /** Counts that something else keeps, read when Prometheus asks. */
  counters<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    read: () => readonly { labels: Readonly<Record<Label, string>>; value: number }[],
  ): void {
    const counter = new Counter<string>({
      name,
      help,
      labelNames: [...labelNames],
      registers: [],
      collect() {
        this.reset();
        for (const { labels, value } of read()) this.inc(labels, value);
      },
    });
    this.registry.registerMetric(counter);
  }

  /** Durations that something else counts, in ms. */
  histograms(name: string, help: string, read: () => readonly CountedDurations[]): void {
    const get = async () => ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: read().flatMap((each) => histogramValues(name, each)),
    });
    // prom-client's own counts observations itself; of a metric the registry needs no more than this.
    const histogram = { name, help, get, reset: () => undefined };
    this.registry.registerMetric(histogram as unknown as Metric);
  }

  /** A number that is looked up when Prometheus asks. It is absent when it cannot be told just now. */
  gauge(name: string, help: string, read: () => Promise<number>): void {
    this.gauges(name, help, [], async () => [{ labels: {}, value: await read() }]);
  }

  /**
   * The same for several at once, which their labels tell apart.
   *
   * A part that hangs gets no second question while the first is open: each would hold a connection.
   */
  gauges<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    read: () => Promise<readonly { labels: Readonly<Record<Label, string>>; value: number }[]>,
  ): void {
    const timeoutMs = this.#readTimeoutMs;
    let reading: ReturnType<typeof read> | undefined;
    const gauge = new Gauge<string>({
      name,
      help,
      labelNames: [...labelNames],
      registers: [],
      async collect() {
        try {
          reading ??= read().finally(() => (reading = undefined));
          const found = await inTime(reading, timeoutMs);
          this.reset();
          for (const { labels, value } of found) this.set(labels, value);
        } catch (error) {
          // The other metrics are wanted most when a part is down.
          if (!(error instanceof Error)) throw error;
          if (labelNames.length === 0) this.remove();
          else this.reset();
        }
      },
    });
    this.registry.registerMetric(gauge);
  }
}

/**
 * Shows counts of what is rare from the start, at 0: in one that comes into being with the first of them Prometheus sees no
 * growth, and no alarm is raised before the second.
 */
export function showAtZero<Label extends string>(
  counter: Counter<Label>,
  each: readonly Partial<Record<Label, string>>[],
): void {
  for (const labels of each) counter.inc(labels, 0);
}

/**
 * prom-client's own numbers of the process but for those of the event loop, which begin anew whenever somebody reads them: of two
 * who do, each gets what the other has left.
 */
function collectProcessMetrics(register: Registry): void {
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: NOBODY_READS_IT_MS });
  for (const { name } of register.getMetricsAsArray()) {
    if (name.startsWith('nodejs_eventloop_lag_')) register.removeSingleMetric(name);
  }
}

interface CountedDurations {
  labels: Readonly<Record<string, string>>;
  durations: {
    count: number;
    sumMs: number;
    /** How many took at most `upToMs`. */
    buckets: readonly { upToMs: number; count: number }[];
  };
}

function histogramValues(
  name: string,
  { labels, durations: { count, sumMs, buckets } }: CountedDurations,
): MetricValueWithName<string>[] {
  const bucket = (le: string, value: number): MetricValueWithName<string> => ({
    metricName: `${name}_bucket`,
    labels: { ...labels, le },
    value,
  });
  return [
    ...buckets.map(({ upToMs, count: value }) => bucket(String(upToMs / 1_000), value)),
    bucket('+Inf', count),
    { metricName: `${name}_sum`, labels, value: sumMs / 1_000 },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

async function inTime<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
