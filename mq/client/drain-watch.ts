import { MqError } from '../errors.ts';

/** A queue that is to go, and a group that has not consumed all that is in it. */
export interface UndrainedQueue {
  brokerName: string;
  queueId: number;
  consumerGroup: string;
  /** Where the group resumes; undefined when it has no progress in the queue. */
  consumerOffset: number | undefined;
  /** The entry index the next message will get. */
  maxOffset: number;
}

/** A queue that is to go, as its broker says. */
export interface QueueState {
  queueId: number;
  minOffset: number;
  maxOffset: number;
}

/** Whether queues have been left alone for long enough, from what was seen of them now and then. */
export class DrainWatch {
  readonly #quietMs: number;
  #ends: string | undefined;
  #sinceMs = -Infinity;

  constructor(quietMs: number) {
    this.#quietMs = quietMs;
  }

  /** Something has happened since the queues were seen last: the quiet time begins anew. */
  disturb(): void {
    this.#ends = undefined;
  }

  /** Units: nowMs on a clock that does not jump. */
  isQuiet(queues: readonly QueueState[], nowMs: number): boolean {
    const ends = drainedTo(queues);
    if (ends !== this.#ends) {
      this.#ends = ends;
      this.#sinceMs = nowMs;
    }
    return nowMs - this.#sinceMs >= this.#quietMs;
  }
}

/** See update-and-create-topic.ts. */
export function drainedTo(queues: readonly QueueState[]): string {
  return queues.map(({ queueId, maxOffset }) => `${queueId}:${maxOffset}`).join(';');
}

/** The first few of what is left, with their numbers. */
export function notDrained(
  topic: string,
  brokerName: string,
  left: readonly UndrainedQueue[],
  cause: unknown,
): MqError {
  const shown = left.slice(0, 5).map(({ queueId, consumerGroup, consumerOffset, maxOffset }) => {
    const progress = consumerOffset === undefined ? 'no progress' : `come to ${consumerOffset}`;
    return `${consumerGroup} has ${progress} in queue ${queueId}, which ends at ${maxOffset}`;
  });
  if (left.length > shown.length) shown.push(`and ${left.length - shown.length} more`);
  if (left.length === 0) shown.push('messages still come into its queues');
  const reason = cause instanceof Error ? cause.message : shown.join('; ');
  return new MqError(
    'NOT_DRAINED',
    `topic ${topic} is not drained on ${brokerName}, and keeps the queues to read: ${reason}`,
    {
      retriable: true,
      details: { topic, brokerName, undrained: left.length },
      ...(cause !== undefined && { cause }),
    },
  );
}
