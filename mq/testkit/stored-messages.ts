import type { Broker } from '../broker/broker.ts';
import type { ConsumedMessage } from '../client/consumed-message.ts';
import { decodePull, readMessage } from '../client/fetched-messages.ts';
import type { MessageExt } from '../protocol/message.ts';
import type { MessageStore } from '../store/message-store.ts';

const READ_COUNT = 1_024;
const READ_BYTES = 4 * 1024 * 1024;
/** The broker's own bound on a frame is far below: what it took can be read. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;

/** The ids of a topic's queues that ever held a message. */
export function queueIdsOf(store: MessageStore, topic: string): number[] {
  return store.topics().find((known) => known.topic === topic)?.queueIds ?? [];
}

/** The records of one queue with `from` ≤ queueOffset < `to`; by default all that can be seen now. */
export async function readQueue(
  store: MessageStore,
  { topic, queueId }: { topic: string; queueId: number },
  from = store.minOffset(topic, queueId),
  to = store.maxOffset(topic, queueId),
): Promise<MessageExt[]> {
  const records: MessageExt[] = [];
  for (let queueOffset = from; queueOffset < to;) {
    const { buffers, nextBeginOffset } = await store.get({
      topic,
      queueId,
      queueOffset,
      maxCount: Math.min(READ_COUNT, to - queueOffset),
      maxBytes: READ_BYTES,
    });
    if (nextBeginOffset <= queueOffset) break;
    const { records: read, broken } = decodePull(Buffer.concat(buffers));
    if (broken !== undefined) throw broken;
    records.push(...read);
    queueOffset = nextBeginOffset;
  }
  return records;
}

/** As consumers get them, in the order they were stored. Errors: MESSAGE_CORRUPT. */
export async function asConsumed(
  records: readonly MessageExt[],
  brokerName: string,
): Promise<ConsumedMessage[]> {
  const inOrder = records.toSorted((a, b) => a.commitLogOffset - b.commitLogOffset);
  return await Promise.all(
    inOrder.map((record) => readMessage(record, brokerName, MAX_BODY_BYTES)),
  );
}

/** The messages of all queues of a topic, by default from the first that is kept. */
export async function readTopic(
  { store, config }: Broker,
  topic: string,
  from: (queueId: number) => number | undefined = () => undefined,
): Promise<ConsumedMessage[]> {
  const queues = queueIdsOf(store, topic).map((queueId) => {
    const first = store.minOffset(topic, queueId);
    return readQueue(store, { topic, queueId }, Math.max(first, from(queueId) ?? first));
  });
  return await asConsumed((await Promise.all(queues)).flat(), config.brokerName);
}

/** The messages of a topic that have this key, or this id of their producer, in the order they were stored. */
export async function findInTopic(
  { store, config }: Broker,
  topic: string,
  key: string,
): Promise<ConsumedMessage[]> {
  const { records } = await store.queryMessages({
    topic,
    key,
    kind: 'key',
    maxCount: Infinity,
    beginMs: -Infinity,
    endMs: Infinity,
  });
  const { records: found, broken } = decodePull(Buffer.concat(records));
  if (broken !== undefined) throw broken;
  return await asConsumed(found, config.brokerName);
}
