import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds: from what a row by its key takes to what a customer has given up on. */
const LATENCY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What a service tells Prometheus. One registry a service, so that several can run in one process. */
export class Metrics {
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
    help: 'Deliveries by what became of them: handled, duplicate, overtaken, refused, retried, dead',
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

  /** The alarm: whatever makes this grow is something a person should look at. */
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

  constructor(service: string) {
    this.registry.setDefaultLabels({ service });
    collectDefaultMetrics({ register: this.registry });
  }

  /** A number that is looked up when Prometheus asks. It is absent when it cannot be told just now. */
  gauge(name: string, help: string, read: () => Promise<number>): void {
    const gauge = new Gauge({
      name,
      help,
      registers: [],
      async collect() {
        try {
          this.set(await read());
        } catch (error) {
          // The other metrics are wanted most when a part is down.
          if (!(error instanceof Error)) throw error;
          this.remove();
        }
      },
    });
    this.registry.registerMetric(gauge);
  }
}
