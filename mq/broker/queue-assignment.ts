import {
  allocateAveragely,
  allocateByCircle,
  allocationInput,
} from '../protocol/allocate-averagely.ts';
import { compareQueues, compareText, type MessageQueue } from '../protocol/message-queue.ts';
import type { AssignmentQuery, RequestModeSetting } from '../protocol/queue-assignment.ts';
import { ANY_QUEUE } from './pop-waits.ts';

export interface AssignmentInput {
  readonly query: AssignmentQuery;
  readonly setting: Pick<RequestModeSetting, 'mode' | 'popShareQueueNum'>;
  /** The readable queues of the topic on all brokers; undefined when they are not known. */
  readonly queues: readonly MessageQueue[] | undefined;
  readonly consumerIds: readonly string[];
  /** False: every member gets everything. */
  readonly isShared: boolean;
}

const strategies: Readonly<Record<string, typeof allocateAveragely>> = {
  AVG: allocateAveragely,
  AVG_BY_CIRCLE: allocateByCircle,
};

/**
 * The queues one member is to consume; undefined when that cannot be said, and it should keep what it has.
 *
 * A group that pops shares each queue among its owner by the strategy and the owner's popShareQueueNum predecessors; all
 * queues among all, which is one assignment of queueId −1 for each broker, when that is 0 or comes to the same.
 *
 * Source: RocketMQ 5.3 QueryAssignmentProcessor.doLoadBalance, allocate4Pop.
 */
export function assignedQueues(input: AssignmentInput): MessageQueue[] | undefined {
  const { query, setting, queues, isShared } = input;
  if (queues === undefined) return undefined;
  if (query.messageModel === 'BROADCASTING' || !isShared) return [...queues];
  const allocate = Object.hasOwn(strategies, query.strategyName)
    ? strategies[query.strategyName]
    : undefined;
  const consumerIds = [...new Set(input.consumerIds)].toSorted(compareText);
  if (allocate === undefined || consumerIds.length === 0) return undefined;
  const sharesOf = (clientId: string): MessageQueue[] =>
    allocate(allocationInput(query.consumerGroup, clientId, queues, consumerIds));
  if (setting.mode === 'PULL') return sharesOf(query.clientId);

  const { popShareQueueNum } = setting;
  if (popShareQueueNum <= 0 || popShareQueueNum >= consumerIds.length - 1) {
    const brokerNames = [...new Set(queues.map(({ brokerName }) => brokerName))];
    return brokerNames.map((brokerName) => ({
      topic: query.topic,
      brokerName,
      queueId: ANY_QUEUE,
    }));
  }
  const index = consumerIds.indexOf(query.clientId);
  if (index < 0) return [];
  if (consumerIds.length > queues.length) {
    // So that nobody is left without.
    return [queues.toSorted(compareQueues)[index % queues.length]].filter(
      (queue) => queue !== undefined,
    );
  }
  const assigned: MessageQueue[] = [];
  for (let next = 0; next <= popShareQueueNum; next++) {
    assigned.push(...sharesOf(consumerIds[(index + next) % consumerIds.length]!));
  }
  return assigned;
}
