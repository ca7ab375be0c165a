import { compareQueues, compareText, type MessageQueue } from '../protocol/message-queue.ts';

/**
 * The AVG strategy: which of a topic's queues does one member of the group own?
 *
 * Queues and members are sorted, queues are dealt out in contiguous runs, and the first `queues % members` members get
 * one more. Members that see the same two lists agree without talking to each other, Java and Go members included.
 * A member that is not in the list owns nothing: the others share without it.
 *
 * Source: RocketMQ 5.3 AllocateMessageQueueAveragely.java.
 */
export function allocateAveragely(
  clientId: string,
  queues: readonly MessageQueue[],
  consumerIds: readonly string[],
): MessageQueue[] {
  // A broker lists a client twice while a half-open old connection has not expired; counting it twice would leave the
  // second share without an owner.
  const members = [...new Set(consumerIds)].toSorted(compareText);
  const index = members.indexOf(clientId);
  if (index < 0) return [];
  const share = Math.floor(queues.length / members.length);
  const extra = queues.length % members.length;
  const from = index * share + Math.min(index, extra);
  return queues.toSorted(compareQueues).slice(from, from + share + (index < extra ? 1 : 0));
}
