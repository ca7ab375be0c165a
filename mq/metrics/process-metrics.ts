import type { Clock } from '../clock.ts';
import { EventLoopDelay } from './event-loop-delay.ts';
import { counter, gauge, type Metric } from './exposition.ts';

/** What this process uses, most of it under the names that Prometheus's client libraries give it. */
export class ProcessMetrics {
  readonly #eventLoop: EventLoopDelay;

  constructor(clock: Clock) {
    this.#eventLoop = new EventLoopDelay(clock);
  }

  close(): void {
    this.#eventLoop.close();
  }

  metrics(): Metric[] {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    return [
      counter('process_cpu_seconds_total', 'CPU time, user and system', (user + system) / 1e6),
      gauge(
        'process_start_time_seconds',
        'When the process started, since the epoch',
        performance.timeOrigin / 1000,
      ),
      gauge('process_resident_memory_bytes', 'Memory in use, as the system counts it', rss),
      gauge('nodejs_heap_size_used_bytes', 'Of it, by JavaScript objects', heapUsed),
      {
        type: 'histogram',
        name: 'nodejs_eventloop_delay_seconds',
        help: 'How late the process does what falls due, looked at every 20 ms',
        unitMs: 1000,
        histograms: [{ durations: this.#eventLoop.durations }],
      },
    ];
  }
}
