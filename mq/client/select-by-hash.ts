import type { MessageQueue } from '../protocol/message-queue.ts';
import { javaHashCode } from '../protocol/properties.ts';

/**
 * Chooses the queue of a key, for `SendOptions.select`: the same one for the same key for as long as the topic has the
 * same queues, and the one that Java producers choose with SelectMessageQueueByHash.
 *
 * Source: RocketMQ 5.3 SelectMessageQueueByHash.java.
 */
export function selectByHash(key: string): (queues: readonly MessageQueue[]) => MessageQueue {
  // The remainder first: the lowest int32 has no positive counterpart in Java, its remainder has.
  return (queues) => queues[Math.abs(javaHashCode(key) % queues.length)]!;
}
