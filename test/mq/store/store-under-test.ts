import path from 'node:path';
import { decodeRecords, type MessageExt } from '../../../mq/protocol/message.ts';
import { encodeProperties, tagsCode } from '../../../mq/protocol/properties.ts';
import type { Files } from '../../../mq/store/files.ts';
import {
  MessageStore,
  type AppendMessage,
  type StoreOptions,
} from '../../../mq/store/message-store.ts';
import { FakeClock } from '../../support/fake-clock.ts';

export const ROOT = path.resolve('/store');
export const HOST = { address: '127.0.0.1', port: 10911 };

/** Small enough that a test fills several segments, and all of it in memory. */
export const SEGMENT_BYTES = 16 * 1024;
export const ENTRIES_PER_FILE = 50;
export const INDEX_SIZES = { maxHashSlotNum: 60, maxIndexNum: 100 };

export function openStore(
  files: Files,
  options: Partial<StoreOptions> = {},
): Promise<MessageStore> {
  return MessageStore.open({
    rootDir: ROOT,
    storeHost: HOST,
    commitLogSegmentBytes: SEGMENT_BYTES,
    consumeQueueEntriesPerFile: ENTRIES_PER_FILE,
    ...INDEX_SIZES,
    clock: new FakeClock(),
    files,
    ...options,
  });
}

export interface MessageOptions {
  topic?: string;
  queueId?: number;
  tag?: string;
  sysFlag?: number;
  waitStoreOk?: boolean;
  properties?: Record<string, string>;
}

export function message(body: string | Buffer, options: MessageOptions = {}): AppendMessage {
  const { topic = 'TopicA', queueId = 0, tag, sysFlag = 0, waitStoreOk, properties = {} } = options;
  const all = new Map(
    Object.entries(tag === undefined ? properties : { ...properties, TAGS: tag }),
  );
  return {
    topic,
    queueId,
    flag: 0,
    sysFlag,
    bornTimestamp: 1_700_000_000_000,
    bornHost: { address: '10.0.0.7', port: 40_000 },
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body: Buffer.from(body),
    propertiesString: encodeProperties(all),
    tagsCode: tagsCode(tag),
    waitStoreOk,
  };
}

/** Every message of a queue, read the way a consumer does. */
export async function readAll(
  store: MessageStore,
  topic = 'TopicA',
  queueId = 0,
  from = store.minOffset(topic, queueId),
): Promise<MessageExt[]> {
  const messages: MessageExt[] = [];
  let queueOffset = from;
  for (;;) {
    const found = await store.get({ topic, queueId, queueOffset, maxCount: 32, maxBytes: 1 << 20 });
    if (found.status !== 'FOUND') return messages;
    messages.push(...decodeRecords(Buffer.concat(found.buffers)));
    queueOffset = found.nextBeginOffset;
  }
}

export async function bodies(
  store: MessageStore,
  topic = 'TopicA',
  queueId = 0,
): Promise<string[]> {
  return (await readAll(store, topic, queueId)).map(({ body }) => body.toString());
}

export function commitLogFile(baseOffset = 0): string {
  return path.join(ROOT, 'commitlog', String(baseOffset).padStart(20, '0'));
}

export function consumeQueueFile(topic = 'TopicA', queueId = 0, baseOffset = 0): string {
  const name = String(baseOffset).padStart(20, '0');
  return path.join(ROOT, 'consumequeue', topic, String(queueId), name);
}
