import { Counter, Gauge } from 'prom-client';
import { binlogFileNumber } from '../../contracts/order-binlog.ts';
import { showAtZero, type Metrics } from '../../common/metrics.ts';
import type { OutgoingChange } from './outgoing-change.ts';
import { streamFaultCodes, type StreamFaultCode } from './stream-fault.ts';
import type { StreamStatus } from './stream-status.ts';

/** What a stream tells Prometheus. */
export class FollowerMetrics {
  readonly #metrics: Metrics;
  readonly #changes: Counter<'table' | 'op'>;
  readonly #stops: Counter<'code'>;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.#changes = new Counter({
      name: 'millrace_sync_changes_published_total',
      help: 'Row changes that were sent to ORDER_BINLOG, by table and operation',
      labelNames: ['table', 'op'] as const,
      registers: [metrics.registry],
    });
    this.#stops = new Counter({
      name: 'millrace_sync_stream_stops_total',
      help: 'Times the stream stopped at something that a person should see',
      labelNames: ['code'] as const,
      registers: [metrics.registry],
    });
    showAtZero(
      this.#stops,
      streamFaultCodes.map((code) => ({ code })),
    );
  }

  published(changes: readonly OutgoingChange[]): void {
    for (const { message } of changes) {
      this.#changes.inc({ table: message.tags ?? '', op: message.properties?.['op'] ?? '' });
    }
  }

  stopped(code: StreamFaultCode): void {
    this.#stops.inc({ code });
  }

  /** Gauges are read when Prometheus asks. One that is not known just now is absent. */
  watch(status: () => StreamStatus): void {
    this.#gauge('lag_seconds', 'How old what is published is at most', () => status().lagS);
    this.#gauge(
      'waiting_changes',
      'Row changes that wait for the broker',
      () => status().waitingCount,
    );
    this.#gauge('is_following', '1 while the stream follows, 0 while it waits or is stopped', () =>
      status().state === 'FOLLOWING' ? 1 : 0,
    );
    this.#gauge('binlog_file_number', 'Number of the binlog file up to which is published', () => {
      const file = status().published?.file;
      return file === undefined ? undefined : binlogFileNumber(file);
    });
    this.#gauge(
      'binlog_offset_bytes',
      'Where in that file everything before is published',
      () => status().published?.offset,
    );
  }

  #gauge(name: string, help: string, read: () => number | undefined): void {
    this.#metrics.registry.registerMetric(
      new Gauge({
        name: `millrace_sync_${name}`,
        help,
        registers: [],
        collect() {
          const value = read();
          if (value === undefined) this.remove();
          else this.set(value);
        },
      }),
    );
  }
}
