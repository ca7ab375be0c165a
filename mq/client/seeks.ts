import { MqError } from '../errors.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import type { Assignment } from './assignment.ts';
import type { PrefetchedMessages } from './prefetched-messages.ts';
import type { QueueOffsets } from './queue-offsets.ts';
import type { QueuePuller } from './queue-puller.ts';

export interface SeeksOptions {
  assignment: Assignment;
  offsets: QueueOffsets;
  prefetched: PrefetchedMessages;
  /** Called when a queue goes on at another offset. */
  onMoved: (queue: MessageQueue) => void;
  /** Called when something may be handed out again. */
  onEnd: () => void;
}

/**
 * Moves assigned queues to other offsets. While brokers are asked, nothing of the queue is handed out; of two seeks in one
 * queue the later counts.
 */
export class Seeks {
  readonly #options: SeeksOptions;
  /** Of each queue that is being sought in: the newest seek. */
  readonly #newest = new Map<string, symbol>();

  constructor(options: SeeksOptions) {
    this.#options = options;
  }

  /** Errors: INVALID_ARGUMENT for an offset that the queue does not have, with its first and last; as `toBegin`. */
  to(queue: MessageQueue, queueOffset: number): Promise<void> {
    return this.#seek(queue, async (offsets) => {
      const [first, last] = await Promise.all([offsets.min(queue), offsets.max(queue)]);
      if (queueOffset >= first && queueOffset <= last) return queueOffset;
      throw new MqError(
        'INVALID_ARGUMENT',
        `offset ${queueOffset} is not in ${queueKey(queue)}, which has ${first} to ${last}`,
        { details: { queueOffset, minOffset: first, maxOffset: last } },
      );
    });
  }

  /** Errors: QUEUE_NOT_ASSIGNED; those of the broker. The queue then goes on where it was. */
  toBegin(queue: MessageQueue): Promise<void> {
    return this.#seek(queue, (offsets) => offsets.min(queue));
  }

  /** Errors: as `toBegin`. */
  toEnd(queue: MessageQueue): Promise<void> {
    return this.#seek(queue, (offsets) => offsets.max(queue));
  }

  async #seek(
    queue: MessageQueue,
    target: (offsets: QueueOffsets) => Promise<number>,
  ): Promise<void> {
    const { assignment, offsets, prefetched, onMoved, onEnd } = this.#options;
    const key = queueKey(queue);
    const puller = assignedPuller(assignment, queue);
    const seek = Symbol(key);
    this.#newest.set(key, seek);
    const handOut = prefetched.withhold(queue);
    try {
      const queueOffset = await target(offsets);
      if (this.#newest.get(key) !== seek) return;
      // It may have been lost meanwhile, or lost and got back.
      if (assignedPuller(assignment, queue) !== puller) throw notAssigned(queue);
      puller.moveTo(queueOffset);
      onMoved(queue);
    } finally {
      if (this.#newest.get(key) === seek) this.#newest.delete(key);
      handOut();
      onEnd();
    }
  }
}

/** Errors: QUEUE_NOT_ASSIGNED. */
export function assignedPuller(assignment: Assignment, queue: MessageQueue): QueuePuller {
  const puller = assignment.puller(queue);
  if (puller === undefined) throw notAssigned(queue);
  return puller;
}

function notAssigned(queue: MessageQueue): MqError {
  return new MqError(
    'QUEUE_NOT_ASSIGNED',
    `${queueKey(queue)} is not assigned to this consumer, or not any more`,
    { details: { topic: queue.topic, brokerName: queue.brokerName, queueId: queue.queueId } },
  );
}
