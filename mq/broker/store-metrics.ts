import { counter, gauge, type Metric } from '../metrics/exposition.ts';
import type { StoreState } from '../store/message-store.ts';
import type { BrokerContext } from './broker-context.ts';

export const storeStates: readonly StoreState['name'][] = [
  'writable',
  'read-only',
  'failed',
  'closed',
];
/** Labels that the original gives to all that it says of its store. */
const original = { storage_type: 'local', storage_medium: 'disk' };

export function storeMetrics({ store, clock, diskUsage }: BrokerContext): Metric[] {
  const { stats, state } = store;
  const { usedPercent, usedBytes } = diskUsage();
  const { oldestStoreTime } = store;
  return [
    gauge('rocketmq_storage_size_bytes', 'Used of the disk that the store is on', [
      { labels: original, value: usedBytes },
    ]),
    gauge('rocketmq_storage_flush_behind_bytes', 'Written and not yet flushed to the disk', [
      { labels: original, value: store.maxCommitLogOffset - store.flushedOffset },
    ]),
    gauge(
      'rocketmq_storage_dispatch_behind_bytes',
      'Stored and not yet in the queues, so that no consumer sees it',
      [{ labels: original, value: store.maxCommitLogOffset - store.confirmOffset }],
    ),
    gauge(
      'rocketmq_storage_message_reserve_time_milliseconds',
      'Age of the oldest message',
      oldestStoreTime === undefined
        ? []
        : [{ labels: original, value: clock.now() - oldestStoreTime }],
    ),
    gauge(
      'millrace_store_state',
      '1 for the state the store is in: writable; read-only (the disk is full); failed (until restarted); closed',
      storeStates.map((name) => ({ labels: { state: name }, value: Number(name === state.name) })),
    ),
    gauge(
      'millrace_store_disk_used_ratio',
      'Share of the disk in use that the store is on, 0 to 1',
      usedPercent / 100,
    ),
    gauge(
      'millrace_store_commitlog_bytes',
      'Size of the files of the CommitLog',
      stats.segmentBytes,
    ),
    gauge('millrace_store_commitlog_segments', 'Files of the CommitLog', stats.segmentCount),
    gauge(
      'millrace_store_commitlog_min_offset_bytes',
      'Where the CommitLog begins',
      store.minCommitLogOffset,
    ),
    gauge(
      'millrace_store_commitlog_max_offset_bytes',
      'Where the CommitLog ends',
      store.maxCommitLogOffset,
    ),
    gauge(
      'millrace_store_confirmed_offset_bytes',
      'Where that part of it ends that consumers may see',
      store.confirmOffset,
    ),
    counter('millrace_store_appended_messages_total', 'Messages stored', stats.appendedCount),
    counter('millrace_store_appended_bytes_total', 'Their bytes', stats.appendedBytes),
    {
      type: 'histogram',
      name: 'millrace_store_flush_duration_seconds',
      help: 'Time of an fsync of the CommitLog',
      unitMs: 1000,
      histograms: [{ durations: stats.fsyncDurations }],
    },
    counter(
      'millrace_store_removed_segments_total',
      'Files of the CommitLog removed because they were old or the disk was full',
      stats.removedSegments,
    ),
    gauge(
      'millrace_store_quarantined_files',
      'Damaged files of the CommitLog that were set aside',
      stats.quarantinedFiles,
    ),
    gauge(
      'millrace_store_recovery_duration_seconds',
      'Time that opening the store took, recovery included',
      stats.openedInMs / 1000,
    ),
  ];
}
