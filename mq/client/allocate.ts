import {
  allocateAveragely,
  allocateByCircle,
  type AllocationInput,
} from '../protocol/allocate-averagely.ts';
import { compareQueues, type MessageQueue } from '../protocol/message-queue.ts';
import { isDlqTopic, isRetryTopic } from '../protocol/names.ts';
import { consistentHashRing } from './consistent-hash-ring.ts';

export {
  allocateAveragely,
  allocateByCircle,
  allocationInput,
  type AllocationInput,
} from '../protocol/allocate-averagely.ts';

/** Which of a topic's queues does one member of the group own? */
export type AllocateMessageQueueStrategy = (input: AllocationInput) => readonly MessageQueue[];

/**
 * CONSISTENT_HASH: who joins or leaves moves its own queues only, at the price of shares of unequal size.
 *
 * Source: RocketMQ 5.3 AllocateMessageQueueConsistentHash.java with its defaults: MD5, 10 points a member.
 */
export function allocateByConsistentHash({
  clientId,
  queues,
  consumerIds,
}: AllocationInput): MessageQueue[] {
  const ownerOf = consistentHashRing(consumerIds);
  return queues.filter((queue) => ownerOf(javaText(queue)) === clientId);
}

/** What Java's MessageQueue.toString() says, which is what is hashed there. */
function javaText({ topic, brokerName, queueId }: MessageQueue): string {
  return `MessageQueue [topic=${topic}, brokerName=${brokerName}, queueId=${queueId}]`;
}

/**
 * CONFIG: this member owns the given queues, as far as they exist; the others must be given the others.
 *
 * Retries and dead letters have no place in such a list unless it names queues of their topic: those are then shared out by
 * AVG, where Java's consumers leave them to nobody.
 *
 * Source: RocketMQ 5.3 AllocateMessageQueueByConfig.java.
 */
export function allocateByConfig(queues: readonly MessageQueue[]): AllocateMessageQueueStrategy {
  return (input) => {
    const [first] = input.queues;
    const isOfTopic = ({ topic }: MessageQueue): boolean => topic === first?.topic;
    const isOfGroup = first !== undefined && (isRetryTopic(first.topic) || isDlqTopic(first.topic));
    if (isOfGroup && !queues.some(isOfTopic)) return allocateAveragely(input);
    return input.queues.filter((queue) => queues.some((own) => compareQueues(own, queue) === 0));
  };
}

/**
 * MACHINE_ROOM: the members, all with the same rooms, share by AVG the queues of brokers named `<room>@<name>` in them; what
 * is elsewhere nobody consumes. What does not divide is dealt from the end, unlike with AVG itself.
 *
 * Source: RocketMQ 5.3 AllocateMessageQueueByMachineRoom.java.
 */
export function allocateByMachineRoom(rooms: readonly string[]): AllocateMessageQueueStrategy {
  return ({ clientId, queues, consumerIds }) => {
    const index = consumerIds.indexOf(clientId);
    if (index < 0) return [];
    const inRooms = queues.filter(({ brokerName }) => {
      const parts = brokerName.split('@');
      return parts.length === 2 && rooms.includes(parts[0]!);
    });
    const share = Math.floor(inRooms.length / consumerIds.length);
    const left = inRooms.slice(share * consumerIds.length);
    return [...inRooms.slice(index * share, (index + 1) * share), ...left.slice(index, index + 1)];
  };
}

/** RocketMQ's names of the strategies that need no more than a name. */
export const allocateStrategies = {
  AVG: allocateAveragely,
  AVG_BY_CIRCLE: allocateByCircle,
  CONSISTENT_HASH: allocateByConsistentHash,
} as const satisfies Readonly<Record<string, AllocateMessageQueueStrategy>>;

export type AllocateStrategyName = keyof typeof allocateStrategies;
