import type { JsonSource } from './fast-json.ts';
import type { JsonBody } from './json-body.ts';

/** One queue of a topic on one broker: the unit of ordering, of assignment, of locks and of progress. */
export interface MessageQueue {
  readonly topic: string;
  readonly brokerName: string;
  readonly queueId: number;
}

/** The same text for equal queues. `@` cannot occur in a topic name. */
export function queueKey(queue: MessageQueue): string {
  return `${queue.topic}@${queue.brokerName}@${queue.queueId}`;
}

/**
 * Orders queues by topic, brokerName, queueId. Every member of a consumer group must sort alike, or two of them claim
 * one queue.
 */
export function compareQueues(a: MessageQueue, b: MessageQueue): number {
  return (
    compareText(a.topic, b.topic) ||
    compareText(a.brokerName, b.brokerName) ||
    a.queueId - b.queueId
  );
}

/** The order Java sorts strings in: `<` compares UTF-16 units exactly as String.compareTo does. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
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
