/** One queue of a topic on one broker: the unit of ordering, of assignment and of progress. */
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
 * Orders queues by topic, brokerName, queueId. Every member of a consumer group must sort alike, Java ones included:
 * JavaScript's `<` on strings compares UTF-16 units exactly as String.compareTo does.
 */
export function compareQueues(a: MessageQueue, b: MessageQueue): number {
  return (
    compareText(a.topic, b.topic) ||
    compareText(a.brokerName, b.brokerName) ||
    a.queueId - b.queueId
  );
}

export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
