import { findProperty, PropertyKey } from '../protocol/properties.ts';
import { readRecordHeader, type RecordHeader } from '../protocol/message.ts';
import type { CommitLog } from './commit-log.ts';
import type { TimeRange } from './index-file.ts';
import { indexKeyHash } from './index-keys.ts';
import type { MessageIndex } from './message-index.ts';
import { readRecordAt } from './record-reader.ts';

/** What a reply frame takes. */
const MAX_RESULT_BYTES = 15 * 1024 * 1024;

export interface MessageQuery extends TimeRange {
  topic: string;
  key: string;
  /** A word of KEYS or a UNIQ_KEY; only a UNIQ_KEY; a tag. */
  kind: 'key' | 'uniqueKey' | 'tag';
  maxCount: number;
}

export interface QueryResult {
  /** Stored records of the newest matching messages, oldest first. Views of shared memory: not to be changed. */
  records: Buffer[];
  /** The last message in the index; 0 when it is empty. */
  indexLastUpdateTimestamp: number;
  indexLastUpdatePhyoffset: number;
  /** Of the log's end, or of all of it, that the index does not have yet. */
  missingBytes: number;
}

/**
 * Finds messages by what they are indexed under. The index says where they may be; each message says whether it is one:
 * its topic, its key to the letter, its store time to the millisecond.
 *
 * Source: RocketMQ 5.5 DefaultMessageStore.queryMessage, which leaves the comparison of keys to the client.
 */
export async function queryMessages(
  index: MessageIndex,
  log: CommitLog,
  confirmOffset: () => number,
  query: MessageQuery,
): Promise<QueryResult> {
  const found = new Map<number, Buffer>();
  let bytes = 0;
  if (query.maxCount > 0 && query.beginMs <= query.endMs) {
    const keyHash = indexKeyHash(query.topic, query.key, query.kind === 'tag');
    for await (const { commitLogOffset } of index.hits(keyHash, query)) {
      if (found.has(commitLogOffset)) continue;
      const record = await readRecordAt(log, confirmOffset(), commitLogOffset);
      if (record === undefined || !isWanted(record, query)) continue;
      bytes += record.length;
      if (found.size > 0 && bytes > MAX_RESULT_BYTES) break;
      found.set(commitLogOffset, record);
      if (found.size >= query.maxCount) break;
    }
  }
  const { timestamp, commitLogOffset } = index.lastUpdate;
  return {
    records: Array.from(found)
      .toSorted(([a], [b]) => a - b)
      .map(([, record]) => record),
    indexLastUpdateTimestamp: timestamp,
    indexLastUpdatePhyoffset: commitLogOffset,
    missingBytes: Math.max(0, confirmOffset() - (index.indexedTo ?? log.minOffset)),
  };
}

function isWanted(record: Buffer, query: MessageQuery): boolean {
  const header = readHeader(record);
  if (header === undefined || header.topic !== query.topic) return false;
  const { storeTimestamp, propertiesAt, propertiesBytes } = header;
  if (storeTimestamp < query.beginMs || storeTimestamp > query.endMs) return false;
  const properties = record.toString('utf8', propertiesAt, propertiesAt + propertiesBytes);
  if (query.kind === 'tag') return findProperty(properties, PropertyKey.TAGS) === query.key;
  if (findProperty(properties, PropertyKey.UNIQ_KEY) === query.key) return true;
  if (query.kind === 'uniqueKey') return false;
  return findProperty(properties, PropertyKey.KEYS)?.split(' ').includes(query.key) === true;
}

/** Undefined for what only looks like a record: the index may point anywhere. */
function readHeader(record: Buffer): RecordHeader | undefined {
  try {
    return readRecordHeader(record);
  } catch {
    return undefined;
  }
}
