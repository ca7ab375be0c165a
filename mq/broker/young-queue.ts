import { totalmem } from 'node:os';
import { readRecordHeader } from '../protocol/message.ts';
import type { MessageStore } from '../store/message-store.ts';

/** accessMessageInMemoryMaxRatio of the original: what lies further back than this share of the RAM counts as on disk. */
const IN_MEMORY_RATIO = 0.4;

/**
 * Whether the first message of a queue is still there and in memory: a new group starts with it, wherever it wants to start.
 */
export async function isYoung(
  store: MessageStore,
  topic: string,
  queueId: number,
): Promise<boolean> {
  if (store.minOffset(topic, queueId) > 0) return false;
  if (store.maxOffset(topic, queueId) <= 0) return true;
  const first = await store.get({ topic, queueId, queueOffset: 0, maxCount: 1, maxBytes: 1 });
  const record = first.buffers[0];
  if (record === undefined) return false;
  const { commitLogOffset } = readRecordHeader(record, 0);
  return store.maxCommitLogOffset - commitLogOffset <= totalmem() * IN_MEMORY_RATIO;
}
