import { crc32 } from 'node:zlib';
import type { MessageQueue } from './mq.module.ts';

/** One key, one queue, as long as the topic's queues stay the same; the queues come in no particular order. */
export function queueOf(key: string, queues: readonly MessageQueue[]): MessageQueue {
  const sorted = queues.toSorted(
    (a, b) => compareTexts(a.brokerName, b.brokerName) || a.queueId - b.queueId,
  );
  const queue = sorted[crc32(key) % sorted.length];
  if (queue === undefined) throw new Error(`no queue to choose from for key ${key}`);
  return queue;
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
