import { Counter, Histogram } from 'prom-client';
import { showAtZero, type Metrics } from '../../common/metrics.ts';
import type { Pace } from '../domain/pace.ts';
import { ticketOutcomeStatuses } from '../domain/ticket.ts';

/** What the keeper tells Prometheus beside what every service does. */
export class KeeperMetrics {
  readonly tickets: Counter<'outcome'>;
  readonly batchSeconds: Histogram;

  constructor(metrics: Metrics, pace: Pace) {
    this.tickets = new Counter({
      name: 'millrace_flash_tickets_total',
      help: 'Tickets by what became of them: ORDERED, REFUSED, RETURNED, VOID',
      labelNames: ['outcome'],
      registers: [metrics.registry],
    });
    showAtZero(
      this.tickets,
      ticketOutcomeStatuses.map((outcome) => ({ outcome })),
    );
    this.batchSeconds = new Histogram({
      name: 'millrace_flash_batch_duration_seconds',
      help: 'Time from taking a batch of tickets on to the end of it',
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers: [metrics.registry],
    });
    metrics.gauge('millrace_flash_batch_tickets', 'Tickets that a batch may have now', () =>
      Promise.resolve(pace.batchCount),
    );
  }
}
