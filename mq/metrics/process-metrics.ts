import { monitorEventLoopDelay } from 'node:perf_hooks';
import { counter, gauge, type Metric } from './exposition.ts';

const NANOSECONDS = 1e9;
/** The timer's own period, which the histogram counts as delay. */
const RESOLUTION_MS = 20;

/** What this process uses, under the names that Prometheus's client libraries give it. */
export class ProcessMetrics {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#delay.enable();
  }

  close(): void {
    this.#delay.disable();
  }

  /** The delays are those since the last call. */
  metrics(): Metric[] {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    const delay = this.#delay;
    const p50Ns = delay.percentile(50);
    const p99Ns = delay.percentile(99);
    const maxNs = delay.max;
    delay.reset();
    return [
      counter('process_cpu_seconds_total', 'CPU time, user and system', (user + system) / 1e6),
      gauge(
        'process_start_time_seconds',
        'When the process started, since the epoch',
        performance.timeOrigin / 1000,
      ),
      gauge('process_resident_memory_bytes', 'Memory in use, as the system counts it', rss),
      gauge('nodejs_heap_size_used_bytes', 'Of it, by JavaScript objects', heapUsed),
      gauge(
        'nodejs_eventloop_lag_p50_seconds',
        'How late timers were since the last scrape: the median',
        lagSeconds(p50Ns),
      ),
      gauge(
        'nodejs_eventloop_lag_p99_seconds',
        'How late timers were since the last scrape: 99 % were earlier',
        lagSeconds(p99Ns),
      ),
      gauge(
        'nodejs_eventloop_lag_max_seconds',
        'How late timers were since the last scrape: the latest',
        lagSeconds(maxNs),
      ),
    ];
  }
}

function lagSeconds(nanoseconds: number): number {
  return Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MS / 1000);
}
