import { int32, milliseconds, oneOf, wholeNumber, type ClientOptions } from './client-options.ts';
import type { PullSettings } from './queue-puller.ts';
import { consumerReconsumeLimit } from './reconsume-limit.ts';

export interface PushConsumerOptions extends ClientOptions {
  consumerGroup: string;
  /** Where a group begins that has no progress yet. Default CONSUME_FROM_LAST_OFFSET. */
  consumeFromWhere?:
    'CONSUME_FROM_LAST_OFFSET' | 'CONSUME_FROM_FIRST_OFFSET' | 'CONSUME_FROM_TIMESTAMP';
  /** For CONSUME_FROM_TIMESTAMP, ms since epoch. Default: half an hour before now. */
  consumeTimestampMs?: number;
  /** Listeners running at a time, over all queues. Default 20. */
  concurrency?: number;
  /**
   * Redeliveries before a message goes to the dead-letter queue, unless the message itself says how many. Default, and
   * −1: what is set for the group, which is 16 if nobody set anything; in order, as often as it takes.
   */
  maxReconsumeTimes?: number;
  /** How long a queue that is consumed in order rests after a failure, 10 to 30,000. Default 1000. */
  suspendCurrentQueueTimeMs?: number;
  /**
   * A listener that takes longer has its signal aborted, its message sent back and its place given away; not in order.
   * Default 15 minutes.
   */
  consumeTimeoutMs?: number;
  /** Messages asked for in one pull; the broker has a limit of its own. Default 32. */
  pullBatchSize?: number;
  /** Fetched and unfinished messages of one queue at which pulling pauses. Default 1000. */
  pullThresholdForQueue?: number;
  /** The same in bytes. Default 100 MiB. */
  pullThresholdBytesForQueue?: number;
  /** Distance between lowest and highest unfinished offset at which pulling pauses. Default 2000. */
  consumeConcurrentlyMaxSpan?: number;
  /** Largest body after inflating; a larger one goes to the dead-letter queue. Default 16 MiB. */
  maxBodyBytes?: number;
  /** How often progress is reported. Default 5000. */
  persistIntervalMs?: number;
  /** How long shutdown waits for running listeners. Default 10,000. */
  shutdownGraceMs?: number;
}

/** Errors: CONFIG_INVALID naming the option. */
export function pullSettings(options: PushConsumerOptions, nowMs: number): PullSettings {
  return {
    start: {
      consumerGroup: options.consumerGroup,
      consumeFromWhere: oneOf(
        'consumeFromWhere',
        options.consumeFromWhere ?? 'CONSUME_FROM_LAST_OFFSET',
        ['CONSUME_FROM_LAST_OFFSET', 'CONSUME_FROM_FIRST_OFFSET', 'CONSUME_FROM_TIMESTAMP'],
      ),
      consumeTimestampMs: wholeNumber(
        'consumeTimestampMs',
        options.consumeTimestampMs ?? nowMs - 30 * 60_000,
      ),
    },
    limits: {
      maxCount: wholeNumber('pullThresholdForQueue', options.pullThresholdForQueue ?? 1000, 1),
      maxBytes: wholeNumber(
        'pullThresholdBytesForQueue',
        options.pullThresholdBytesForQueue ?? 100 * 1024 * 1024,
        1,
      ),
      maxSpan: wholeNumber(
        'consumeConcurrentlyMaxSpan',
        options.consumeConcurrentlyMaxSpan ?? 2000,
        1,
      ),
    },
    pullBatchSize: int32('pullBatchSize', options.pullBatchSize ?? 32, 1),
    maxBodyBytes: wholeNumber('maxBodyBytes', options.maxBodyBytes ?? 16 * 1024 * 1024, 1),
  };
}

/** How fetched messages are consumed; what the options say, or their defaults. */
export interface ConsumptionSettings {
  consumerGroup: string;
  concurrency: number;
  consumeTimeoutMs: number;
  suspendCurrentQueueTimeMs: number;
  /** undefined: what is set for the group; in order, as often as it takes. */
  maxReconsumeTimes: number | undefined;
  shutdownGraceMs: number;
}

/** Errors: CONFIG_INVALID naming the option. */
export function consumptionSettings(options: PushConsumerOptions): ConsumptionSettings {
  return {
    consumerGroup: options.consumerGroup,
    concurrency: wholeNumber('concurrency', options.concurrency ?? 20, 1),
    consumeTimeoutMs: milliseconds('consumeTimeoutMs', options.consumeTimeoutMs ?? 15 * 60_000),
    suspendCurrentQueueTimeMs: milliseconds(
      'suspendCurrentQueueTimeMs',
      options.suspendCurrentQueueTimeMs ?? 1_000,
    ),
    maxReconsumeTimes: consumerReconsumeLimit(options.maxReconsumeTimes),
    shutdownGraceMs: milliseconds('shutdownGraceMs', options.shutdownGraceMs ?? 10_000),
  };
}
