import { MqError } from '../errors.ts';
import type { MessageExt } from '../protocol/message.ts';
import {
  reencodeProperties,
  tagsCode,
  PropertyKey,
  type Properties,
} from '../protocol/properties.ts';
import { decodeEntry } from '../store/consume-queue.ts';
import type { AppendMessage, AppendResult, MessageStore } from '../store/message-store.ts';

/** What makes a message one that can never be stored, or read. */
const hopeless: ReadonlySet<string> = new Set([
  'MESSAGE_ILLEGAL',
  'MESSAGE_CORRUPT',
  'INVALID_ARGUMENT',
]);

/** A failure that comes from the message itself. All others pass: the disk gets space, the store is reopened. */
export function isHopeless(cause: unknown): boolean {
  return MqError.is(cause) && hopeless.has(cause.code);
}

/** What the store returned, cut by the size each record begins with, which the store has compared with its entry. */
export function* recordsOf(buffers: readonly Buffer[]): Generator<Buffer> {
  for (const buffer of buffers) {
    for (let at = 0; at < buffer.length;) {
      const end = at + buffer.readInt32BE(at);
      yield buffer.subarray(at, end);
      at = end;
    }
  }
}

/** The same message to be stored once more, in the same queue unless its caller says otherwise, with these properties. */
export function copyOf(message: MessageExt, properties: Properties): AppendMessage {
  return {
    topic: message.topic,
    queueId: message.queueId,
    flag: message.flag,
    sysFlag: message.sysFlag,
    bornTimestamp: message.bornTimestamp,
    bornHost: message.bornHost,
    storeHost: message.storeHost,
    reconsumeTimes: message.reconsumeTimes,
    preparedTransactionOffset: 0,
    body: message.body,
    propertiesString: reencodeProperties(properties),
    tagsCode: tagsCode(properties.get(PropertyKey.TAGS)),
  };
}

/**
 * Appends next to each other what other records are going to be given up for: resolves when it is as safe as
 * flushDiskType asks, however long the disk takes. FLUSH_DISK_TIMEOUT is an answer for producers, who can send again.
 *
 * Errors: the store's refusal, and its failure while the disk was waited for.
 */
export async function appendSafely(
  store: Pick<MessageStore, 'append' | 'appendAll' | 'flush'>,
  messages: readonly AppendMessage[],
): Promise<AppendResult[]> {
  const [only] = messages;
  const results =
    only !== undefined && messages.length === 1
      ? [await store.append(only)]
      : await store.appendAll(messages);
  if (results.some(({ status }) => status !== 'PUT_OK')) await store.flush();
  return results;
}

/**
 * Whether a record that was read where somebody said is one: its queue has it there. The body of any message may look
 * like a record with just that offset, and what that says must not be believed.
 */
export function isInItsQueue(
  store: Pick<MessageStore, 'entries'>,
  record: Pick<MessageExt, 'topic' | 'queueId' | 'queueOffset' | 'commitLogOffset'>,
): boolean {
  const { topic, queueId, queueOffset, commitLogOffset } = record;
  if (queueOffset < 0) return false;
  const entry = store.entries(topic, queueId, queueOffset, 1);
  return entry.length > 0 && decodeEntry(entry, 0).commitLogOffset === commitLogOffset;
}
