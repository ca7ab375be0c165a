import { recordProperties } from '../protocol/message.ts';
import type { Properties } from '../protocol/properties.ts';
import { decodeEntry, ENTRY_BYTES, isRealEntry, type QueueEntry } from '../store/consume-queue.ts';
import type { MessageStore } from '../store/message-store.ts';
import { selects, selectsAll, type MessageSelection } from './message-selection.ts';

/** Looked at in one pull; properties have to be read from the log, tags do not. */
const SCANNED_BY_TAGS = 800;
const SCANNED_BY_PROPERTIES = 64;

export interface Range {
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
}

/**
 * How far a member may read that subscribes otherwise than others of its group: up to the first message that one of them
 * wants and it does not. It would pass it over, for all of them.
 *
 * Returns the end of the entries looked at, and whether such a message is there.
 */
export async function readableUntil(
  store: Pick<MessageStore, 'entries' | 'readRecord'>,
  range: Range,
  own: MessageSelection,
  others: readonly MessageSelection[],
): Promise<{ endOffset: number; isForeign: boolean }> {
  // Below 0 there is nothing to look at, and the store says so.
  if (selectsAll(own) || others.length === 0 || range.queueOffset < 0) {
    return { endOffset: Infinity, isForeign: false };
  }
  const isByTags = [own, ...others].every(({ filter }) => filter === undefined);
  const { topic, queueId, queueOffset } = range;
  const count = isByTags ? SCANNED_BY_TAGS : SCANNED_BY_PROPERTIES;
  // A copy: the store's view does not outlast the first record that is waited for.
  const entries = Buffer.from(store.entries(topic, queueId, queueOffset, count));
  const foundCount = entries.length / ENTRY_BYTES;
  for (let index = 0; index < foundCount; index++) {
    const entry = decodeEntry(entries, index * ENTRY_BYTES);
    if (!isRealEntry(entry)) continue;
    const properties = isByTags ? none : await propertiesOf(store, entry);
    const isWanted = (selection: MessageSelection): boolean =>
      selects(selection, entry.tagsCode, () => properties);
    if (!isWanted(own) && others.some(isWanted)) {
      return { endOffset: queueOffset + index, isForeign: true };
    }
  }
  return { endOffset: queueOffset + foundCount, isForeign: false };
}

const none: Properties = new Map();

/** Those of a record that cannot be read are unknown: nobody selects it by them. */
async function propertiesOf(
  store: Pick<MessageStore, 'readRecord'>,
  { commitLogOffset, sizeBytes }: QueueEntry,
): Promise<Properties> {
  const record = await store.readRecord(commitLogOffset, sizeBytes);
  return (record && recordProperties(record)) ?? none;
}
