import type { ProcessQueueLimits } from './process-queue.ts';

/** What all queues of one topic may hold together, of those that one consumer has. */
export interface TopicLimits {
  readonly maxCount?: number;
  /** Nobody has set how much one queue may hold: its part of the topic's counts instead, be it more or less. */
  readonly isCountOfQueueUsual?: boolean;
  readonly maxBytes?: number;
  readonly areBytesOfQueueUsual?: boolean;
}

/**
 * What one queue may hold: its own limit, and an equal part of its topic's. `queueCount` says by how many queues the topic is
 * divided, and is asked each time: what a rebalance gives or takes counts at once.
 *
 * Source: RocketMQ 5.3 RebalancePushImpl.messageQueueChanged, which divides by the queues of all topics, the retry topic included.
 */
export function limitsWithin(
  topic: TopicLimits,
  queue: ProcessQueueLimits,
  queueCount: () => number,
): ProcessQueueLimits {
  const part = (whole: number): number =>
    Math.max(1, Math.floor(whole / Math.max(1, queueCount())));
  return {
    get maxCount() {
      if (topic.maxCount === undefined) return queue.maxCount;
      const own = topic.isCountOfQueueUsual === true ? Infinity : queue.maxCount;
      return Math.min(own, part(topic.maxCount));
    },
    get maxBytes() {
      if (topic.maxBytes === undefined) return queue.maxBytes;
      const own = topic.areBytesOfQueueUsual === true ? Infinity : queue.maxBytes;
      return Math.min(own, part(topic.maxBytes));
    },
    maxSpan: queue.maxSpan,
  };
}
