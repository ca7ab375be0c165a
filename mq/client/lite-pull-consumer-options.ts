import type { MessageModel } from '../protocol/heartbeat.ts';
import type { Files } from '../store/files.ts';
import type { AllocateMessageQueueStrategy, AllocateStrategyName } from './allocate.ts';
import { int32, milliseconds, wholeNumber, type ClientOptions } from './client-options.ts';
import { startingPoint, type PushConsumerOptions } from './push-consumer-options.ts';
import type { PullSettings } from './queue-puller.ts';

const MIB = 1024 * 1024;
/** As in the original, which takes no notice of less. */
const LOWEST_AUTO_COMMIT_INTERVAL_MS = 1_000;

/** The names and defaults are those of RocketMQ's DefaultLitePullConsumer. */
export interface LitePullConsumerOptions extends ClientOptions {
  consumerGroup: string;
  /**
   * CLUSTERING: the members share the messages, and brokers keep their progress. BROADCASTING: each gets all of them, and keeps its
   * progress itself, under its clientId: that must be the same at each start, so `instanceName` has to be given. Default CLUSTERING.
   */
  messageModel?: MessageModel;
  /** Where a broadcasting consumer keeps its progress, as `<clientId>/<group>/offsets.json`. Default `~/.rocketmq_offsets`. */
  offsetStoreDir?: string;
  /** For tests whose disk fails under a broadcasting consumer. Default: the system's. */
  files?: Files;
  /** Where a group begins that has no progress yet. Default CONSUME_FROM_LAST_OFFSET. */
  consumeFromWhere?: NonNullable<PushConsumerOptions['consumeFromWhere']>;
  /** For CONSUME_FROM_TIMESTAMP, ms since epoch. Default: half an hour before now. */
  consumeTimestampMs?: number;
  /** In subscribe mode: which queues of a topic this member owns. All members must have the same. Default AVG. */
  allocateMessageQueueStrategy?: AllocateStrategyName | AllocateMessageQueueStrategy;
  /** Whether asking for more says that what was handed out before is consumed. Default true. */
  autoCommit?: boolean;
  /** How often progress is reported with autoCommit, at least 1000. Default 5000. */
  autoCommitIntervalMillis?: number;
  /** Messages asked for in one pull, and handed out in one poll that does not say how many. Default 10. */
  pullBatchSize?: number;
  /** Messages fetched and not handed out, over all queues, at which pulling pauses. Default 10,000. */
  pullThresholdForAll?: number;
  /** The same of one queue. Default 1000. */
  pullThresholdForQueue?: number;
  /** The same of one queue in MiB. Default 100. */
  pullThresholdSizeForQueue?: number;
  /** Distance between the lowest and the highest offset fetched and not handed out at which pulling pauses. Default 2000. */
  consumeMaxSpan?: number;
  /** How long a poll waits that does not say how long. Default 5000. */
  pollTimeoutMillis?: number;
  /** Largest body after inflating; of a larger one the poll is told instead. Default 16 MiB. */
  maxBodyBytes?: number;
}

export interface PollingSettings {
  autoCommit: boolean;
  autoCommitIntervalMs: number;
  maxCount: number;
  timeoutMs: number;
  /** Over all queues. */
  maxPrefetchedCount: number;
}

/** Errors: CONFIG_INVALID naming the option. */
export function litePullSettings(options: LitePullConsumerOptions, nowMs: number): PullSettings {
  return {
    start: startingPoint(options, nowMs),
    limits: {
      maxCount: wholeNumber('pullThresholdForQueue', options.pullThresholdForQueue ?? 1000, 1),
      maxBytes:
        wholeNumber('pullThresholdSizeForQueue', options.pullThresholdSizeForQueue ?? 100, 1) * MIB,
      maxSpan: wholeNumber('consumeMaxSpan', options.consumeMaxSpan ?? 2000, 1),
    },
    pullBatchSize: pullBatchSize(options),
    maxBodyBytes: wholeNumber('maxBodyBytes', options.maxBodyBytes ?? 16 * MIB, 1),
    isLite: true,
    settlesStart: options.autoCommit ?? true,
  };
}

/** Errors: CONFIG_INVALID naming the option. */
export function pollingSettings(options: LitePullConsumerOptions): PollingSettings {
  return {
    autoCommit: options.autoCommit ?? true,
    autoCommitIntervalMs: milliseconds(
      'autoCommitIntervalMillis',
      wholeNumber(
        'autoCommitIntervalMillis',
        options.autoCommitIntervalMillis ?? 5_000,
        LOWEST_AUTO_COMMIT_INTERVAL_MS,
      ),
    ),
    maxCount: pullBatchSize(options),
    timeoutMs: milliseconds('pollTimeoutMillis', options.pollTimeoutMillis ?? 5_000),
    maxPrefetchedCount: wholeNumber(
      'pullThresholdForAll',
      options.pullThresholdForAll ?? 10_000,
      1,
    ),
  };
}

function pullBatchSize(options: LitePullConsumerOptions): number {
  return int32('pullBatchSize', options.pullBatchSize ?? 10, 1);
}
