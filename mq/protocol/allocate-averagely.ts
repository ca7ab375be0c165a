import { compareQueues, compareText, type MessageQueue } from './message-queue.ts';

/** What a strategy goes by. Every member of the group must see the same and decide alike, or a queue has two owners or none. */
export interface AllocationInput {
  readonly consumerGroup: string;
  readonly clientId: string;
  /** The readable queues of one topic, sorted by broker name and queueId. */
  readonly queues: readonly MessageQueue[];
  /** The group's members as a broker lists them, sorted, each once. */
  readonly consumerIds: readonly string[];
}

/**
 * AVG: queues are dealt out in contiguous runs, and the first `queues % members` members get one more. Members that see the
 * same two lists agree without talking to each other, Java and Go members included.
 *
 * Source: RocketMQ 5.3 AllocateMessageQueueAveragely.java.
 */
export function allocateAveragely({
  clientId,
  queues,
  consumerIds,
}: AllocationInput): MessageQueue[] {
  const index = consumerIds.indexOf(clientId);
  if (index < 0) return [];
  const share = Math.floor(queues.length / consumerIds.length);
  const extra = queues.length % consumerIds.length;
  const from = index * share + Math.min(index, extra);
  return queues.slice(from, from + share + (index < extra ? 1 : 0));
}

/**
 * AVG_BY_CIRCLE: queues are dealt out one at a time, in turn. Spreads the queues of each broker over the members.
 *
 * Source: RocketMQ 5.3 AllocateMessageQueueAveragelyByCircle.java.
 */
export function allocateByCircle({
  clientId,
  queues,
  consumerIds,
}: AllocationInput): MessageQueue[] {
  const index = consumerIds.indexOf(clientId);
  if (index < 0) return [];
  return queues.filter((_, position) => position % consumerIds.length === index);
}

/** What a strategy is asked with: sorted, as every member sorts, and each member once. */
export function allocationInput(
  consumerGroup: string,
  clientId: string,
  queues: readonly MessageQueue[],
  consumerIds: readonly string[],
): AllocationInput {
  return {
    consumerGroup,
    clientId,
    queues: queues.toSorted(compareQueues),
    // A broker lists a client twice while a half-open old connection has not expired; counting it twice would leave the
    // second share without an owner.
    consumerIds: [...new Set(consumerIds)].toSorted(compareText),
  };
}
