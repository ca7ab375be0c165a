import { readInt32 } from '../protocol/bytes.ts';
import { MESSAGE_MAGIC_V2 } from '../protocol/message.ts';
import { MessageSysFlag } from '../protocol/sys-flag.ts';

const NAME_END = 1;
const VALUE_END = 2;
const SPACE = 0x20;
const HASH_SIGN = 0x23;
/** What stands before a tag in its key, so that it is found as a tag only: `topic#T#tag`. */
const TAG_PREFIX = 'T#';
const KEYS = 0x4b455953;
const TAGS = 0x54414753;
const UNIQ = 0x554e4951;
const _KEY = 0x5f4b4559;

/** One record as the index sees it. The same object is filled anew for every record. */
export interface IndexKeys {
  storeTimestamp: number;
  /** Hashes of the record's keys in the order they are indexed. */
  readonly hashes: number[];
}

/**
 * Reads what is indexed of the record at `at`, which must be whole: UNIQ_KEY, each word of KEYS, and TAGS, each with the
 * topic. A rollback message is not indexed. False when its lengths do not add up.
 *
 * It works on bytes, because it runs for every message: text is made only of what is not ASCII.
 *
 * Source: RocketMQ 5.5 IndexService.buildIndex, MessageDecoder.string2messageProperties.
 */
export function readIndexKeys(source: Buffer, at: number, target: IndexKeys): boolean {
  target.hashes.length = 0;
  const recordEnd = at + readInt32(source, at);
  const sysFlag = readInt32(source, at + 36);
  const isBornV6 = (sysFlag & MessageSysFlag.BORN_HOST_V6) !== 0;
  const isStoreV6 = (sysFlag & MessageSysFlag.STORE_HOST_V6) !== 0;
  const timeAt = at + (isBornV6 ? 68 : 56);
  target.storeTimestamp =
    readInt32(source, timeAt) * 0x100000000 + (readInt32(source, timeAt + 4) >>> 0);
  const bodyAt = timeAt + 8 + (isStoreV6 ? 20 : 8) + 16;
  const bodyBytes = readInt32(source, bodyAt - 4);
  const topicLengthAt = bodyAt + bodyBytes;
  if (bodyBytes < 0 || topicLengthAt + 3 > recordEnd) return false;
  const isV2 = readInt32(source, at + 4) >>> 0 === MESSAGE_MAGIC_V2;
  const topicAt = topicLengthAt + (isV2 ? 2 : 1);
  const topicEnd =
    topicAt + (isV2 ? source.readUInt16BE(topicLengthAt) : source.readUInt8(topicLengthAt));
  const propertiesAt = topicEnd + 2;
  if (propertiesAt > recordEnd) return false;
  if (propertiesAt + source.readUInt16BE(topicEnd) !== recordEnd) return false;
  const transaction = sysFlag & MessageSysFlag.TRANSACTION_MASK;
  if (transaction !== MessageSysFlag.TRANSACTION_ROLLBACK) {
    addHashes(source, { topicAt, topicEnd, propertiesAt, end: recordEnd }, target.hashes);
  }
  return true;
}

interface Parts {
  topicAt: number;
  topicEnd: number;
  propertiesAt: number;
  end: number;
}

function addHashes(source: Buffer, parts: Parts, hashes: number[]): void {
  const { propertiesAt, end } = parts;
  // Where the values are: of several of one name the last counts.
  let uniqAt = 0;
  let uniqEnd = 0;
  let keysAt = 0;
  let keysEnd = 0;
  let tagsAt = 0;
  let tagsEnd = 0;
  for (let pairAt = propertiesAt; pairAt < end;) {
    let valueAt = 0;
    let pairEnd = pairAt;
    for (; pairEnd < end; pairEnd++) {
      const byte = source[pairEnd]!;
      if (byte === VALUE_END) break;
      if (byte === NAME_END && valueAt === 0) valueAt = pairEnd + 1;
    }
    if (valueAt !== 0 && valueAt < pairEnd) {
      const nameBytes = valueAt - 1 - pairAt;
      if (nameBytes === 4) {
        const name = readInt32(source, pairAt);
        if (name === KEYS) {
          keysAt = valueAt;
          keysEnd = pairEnd;
        } else if (name === TAGS) {
          tagsAt = valueAt;
          tagsEnd = pairEnd;
        }
      } else if (
        nameBytes === 8 &&
        readInt32(source, pairAt) === UNIQ &&
        readInt32(source, pairAt + 4) === _KEY
      ) {
        uniqAt = valueAt;
        uniqEnd = pairEnd;
      }
    }
    pairAt = pairEnd + 1;
  }
  if (uniqAt + keysAt + tagsAt === 0) return;
  const topicHash = hashOn(hashBytes(source, parts.topicAt, parts.topicEnd, 0), HASH_SIGN);
  if (uniqAt > 0) hashes.push(positive(hashBytes(source, uniqAt, uniqEnd, topicHash)));
  for (let wordAt = keysAt; wordAt < keysEnd;) {
    let wordEnd = wordAt;
    while (wordEnd < keysEnd && source[wordEnd] !== SPACE) wordEnd++;
    if (wordEnd > wordAt) hashes.push(positive(hashBytes(source, wordAt, wordEnd, topicHash)));
    wordAt = wordEnd + 1;
  }
  if (tagsAt > 0) {
    const tagHash = hashText(TAG_PREFIX, topicHash);
    hashes.push(positive(hashBytes(source, tagsAt, tagsEnd, tagHash)));
  }
}

/** The hash an index is searched by. `isTag` finds messages by their tag instead of by a key. */
export function indexKeyHash(topic: string, key: string, isTag = false): number {
  return positive(hashText(`${topic}#${isTag ? TAG_PREFIX : ''}${key}`, 0));
}

/** Java's Math.abs, of which the lowest int has none: the original takes 0 for it. */
function positive(hash: number): number {
  return hash === -0x80000000 ? 0 : Math.abs(hash);
}

/** Goes on with a hash as Java's String.hashCode does, over the UTF-16 units of these UTF-8 bytes. */
function hashBytes(source: Buffer, from: number, to: number, before: number): number {
  let hash = before;
  for (let at = from; at < to; at++) {
    const byte = source[at]!;
    if (byte >= 0x80) return hashText(source.toString('utf8', from, to), before);
    hash = (Math.imul(31, hash) + byte) | 0;
  }
  return hash;
}

function hashText(text: string, before: number): number {
  let hash = before;
  for (let index = 0; index < text.length; index++) hash = hashOn(hash, text.charCodeAt(index));
  return hash;
}

function hashOn(hash: number, unit: number): number {
  return (Math.imul(31, hash) + unit) | 0;
}
