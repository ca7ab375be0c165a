import type { JsonSource } from './fast-json.ts';
import type { JsonBody } from './json-body.ts';

/** One queue of a topic on one broker name: the unit that consumers share out, lock and keep offsets of. */
export interface MessageQueue {
  topic: string;
  brokerName: string;
  queueId: number;
}

/**
 * The order every member of a group must share out queues in, or two members claim one queue:
 * topic, then brokerName, then queueId. Java compares names by UTF-16 unit, as `<` does.
 */
export function compareQueues(left: MessageQueue, right: MessageQueue): number {
  if (left.topic !== right.topic) return left.topic < right.topic ? -1 : 1;
  if (left.brokerName !== right.brokerName) return left.brokerName < right.brokerName ? -1 : 1;
  return left.queueId - right.queueId;
}

/** A key for maps. Neither topic nor broker names may hold a space. */
export function queueKey(queue: MessageQueue): string {
  return `${queue.topic} ${queue.brokerName} ${queue.queueId}`;
}

export function messageQueueJson(queue: MessageQueue): JsonSource {
  return { brokerName: queue.brokerName, queueId: queue.queueId, topic: queue.topic };
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function readMessageQueue(json: JsonBody): MessageQueue {
  return {
    topic: json.string('topic'),
    brokerName: json.string('brokerName'),
    queueId: json.integer('queueId'),
  };
}
