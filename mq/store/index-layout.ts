import { writeInt64 } from '../protocol/bytes.ts';

/**
 * An IndexFile, as the original lays it out; `n` is maxHashSlotNum, `m` maxIndexNum.
 *
 *      0 int64 beginTimestamp    store time of the first message, ms
 *      8 int64 endTimestamp      of the last
 *     16 int64 beginPhyOffset    commitLogOffset of the first message
 *     24 int64 endPhyOffset      of the last
 *     32 int32 hashSlotCount     slots in use
 *     36 int32 indexCount        the number the next entry gets, from 1
 *     40 int32 × n               slots: number of the newest entry whose hash falls here, or 0
 *      … 20 bytes × m            entries; number 0 is never used
 *
 * One entry:
 *
 *      0 int32 keyHash           of `topic#key`, see index-keys.ts
 *      4 int64 commitLogOffset
 *     12 int32 seconds           store time since beginTimestamp
 *     16 int32 previous          number of the next older entry of the slot, or 0
 *
 * Source: RocketMQ 5.5 IndexHeader.java, IndexFile.java.
 */
export const INDEX_HEADER_BYTES = 40;
export const SLOT_BYTES = 4;
export const INDEX_ENTRY_BYTES = 20;

/** The original's own, which make a sparse file of 420,000,040 bytes. */
export const DEFAULT_HASH_SLOTS = 5_000_000;
export const DEFAULT_INDEX_ENTRIES = 20_000_000;

export interface IndexSizes {
  maxHashSlotNum: number;
  maxIndexNum: number;
}

export interface IndexHeader {
  beginTimestamp: number;
  endTimestamp: number;
  beginPhyOffset: number;
  endPhyOffset: number;
  hashSlotCount: number;
  indexCount: number;
}

export interface IndexEntry {
  keyHash: number;
  commitLogOffset: number;
  seconds: number;
  previous: number;
}

/** Where the entries begin: behind header and slots. */
export function entriesAt({ maxHashSlotNum }: IndexSizes): number {
  return INDEX_HEADER_BYTES + maxHashSlotNum * SLOT_BYTES;
}

/** Where the slot of a hash is. */
export function slotAt({ maxHashSlotNum }: IndexSizes, keyHash: number): number {
  return INDEX_HEADER_BYTES + (keyHash % maxHashSlotNum) * SLOT_BYTES;
}

export function indexFileBytes(sizes: IndexSizes): number {
  return entriesAt(sizes) + sizes.maxIndexNum * INDEX_ENTRY_BYTES;
}

/** A file nothing was put into reads as zeros, its count too: the original takes that for 1. */
export function readIndexHeader(source: Buffer): IndexHeader {
  return {
    beginTimestamp: readAnyInt64(source, 0),
    endTimestamp: readAnyInt64(source, 8),
    beginPhyOffset: readAnyInt64(source, 16),
    endPhyOffset: readAnyInt64(source, 24),
    hashSlotCount: source.readInt32BE(32),
    indexCount: source.readInt32BE(36) || 1,
  };
}

export function writeIndexHeader(target: Buffer, header: IndexHeader): void {
  writeInt64(target, header.beginTimestamp, 0);
  writeInt64(target, header.endTimestamp, 8);
  writeInt64(target, header.beginPhyOffset, 16);
  writeInt64(target, header.endPhyOffset, 24);
  target.writeInt32BE(header.hashSlotCount, 32);
  target.writeInt32BE(header.indexCount, 36);
}

export function readIndexEntry(source: Buffer, at: number): IndexEntry {
  return {
    keyHash: source.readInt32BE(at),
    commitLogOffset: readAnyInt64(source, at + 4),
    seconds: source.readInt32BE(at + 12),
    previous: source.readInt32BE(at + 16),
  };
}

export function writeIndexEntry(target: Buffer, at: number, entry: IndexEntry): void {
  target.writeInt32BE(entry.keyHash, at);
  writeInt64(target, entry.commitLogOffset, at + 4);
  target.writeInt32BE(entry.seconds, at + 12);
  target.writeInt32BE(entry.previous, at + 16);
}

/** Not protocol's, which throws beyond 2^53: damage is to be recognised, not to stop anybody. */
function readAnyInt64(source: Buffer, at: number): number {
  return source.readInt32BE(at) * 0x100000000 + source.readUInt32BE(at + 4);
}

/** What cannot be in a header, in words; undefined when it may be right. */
export function headerProblem(header: IndexHeader, sizes: IndexSizes): string | undefined {
  const { indexCount, hashSlotCount, beginPhyOffset, endPhyOffset } = header;
  if (indexCount < 1 || indexCount > sizes.maxIndexNum) {
    return `indexCount ${indexCount} is outside 1..${sizes.maxIndexNum}`;
  }
  if (hashSlotCount < 0 || hashSlotCount > Math.min(indexCount - 1, sizes.maxHashSlotNum)) {
    return `hashSlotCount ${hashSlotCount} does not fit ${indexCount - 1} entries in ${sizes.maxHashSlotNum} slots`;
  }
  if (beginPhyOffset < 0 || endPhyOffset < beginPhyOffset) {
    return `the first message is at ${beginPhyOffset}, the last at ${endPhyOffset}`;
  }
  const isTimeSafe = [header.beginTimestamp, header.endTimestamp].every(
    (time) => time >= 0 && Number.isSafeInteger(time),
  );
  if (isTimeSafe) return undefined;
  return `its times are ${header.beginTimestamp} and ${header.endTimestamp}`;
}

/** yyyyMMddHHmmssSSS in local time: the moment an IndexFile was made is its name. */
export function indexFileName(timeMs: number): string {
  const time = new Date(timeMs);
  const part = (value: number, digits = 2): string => String(value).padStart(digits, '0');
  return (
    part(time.getFullYear(), 4) +
    part(time.getMonth() + 1) +
    part(time.getDate()) +
    part(time.getHours()) +
    part(time.getMinutes()) +
    part(time.getSeconds()) +
    part(time.getMilliseconds(), 3)
  );
}

export function isIndexFileName(name: string): boolean {
  return /^\d{17}$/.test(name);
}

/**
 * The name of a new file, which sorts behind `last`: the original loads files in the order of their names, and a clock
 * that is set back, also by the end of daylight saving time, must not turn that order around.
 */
export function nextIndexFileName(timeMs: number, last: string | undefined): string {
  const name = indexFileName(timeMs);
  if (last === undefined || name > last) return name;
  return String(BigInt(last) + 1n).padStart(17, '0');
}
