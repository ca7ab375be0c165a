import { MqError } from '../errors.ts';

/** Where a group is to go on, as a tool asks for it. */
export interface ResetWish {
  /** The entry itself; undefined for the one at `timestampMs`. */
  readonly queueOffset: number | undefined;
  /** ms since epoch; below 0 for the end. */
  readonly timestampMs: number;
  /** False for a group that may only be moved backwards. */
  readonly isForced: boolean;
}

/** One queue, and where the group is in it. */
export interface ResetQueue {
  readonly queueId: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  /** undefined without progress. */
  readonly consumerOffset: number | undefined;
  readonly offsetByTime: (timestampMs: number) => number;
}

/**
 * The entry at which a group goes on in one queue; undefined when it stays where it is.
 *
 * Errors: SYSTEM_ERROR for an offset that the queue does not have. Its end, where the next message will be, is one.
 * Source: RocketMQ 5.3 AdminBrokerProcessor.resetOffsetInner; isForce as in 4.9, 5.x ignores it.
 */
export function resetTarget(wish: ResetWish, queue: ResetQueue): number | undefined {
  const { minOffset, maxOffset, consumerOffset } = queue;
  if (wish.queueOffset !== undefined) {
    if (wish.queueOffset >= minOffset && wish.queueOffset <= maxOffset) return wish.queueOffset;
    throw new MqError(
      'SYSTEM_ERROR',
      `Target offset ${wish.queueOffset} not in consume queue range [${minOffset}-${maxOffset}]`,
      { details: { queueId: queue.queueId, queueOffset: wish.queueOffset, minOffset, maxOffset } },
    );
  }
  const target = wish.timestampMs < 0 ? maxOffset : queue.offsetByTime(wish.timestampMs);
  const isBackwards = consumerOffset === undefined || target < consumerOffset;
  return wish.isForced || isBackwards ? target : undefined;
}
