import { crc32 } from 'node:zlib';
import path from 'node:path';
import { writeInt64 } from '../protocol/bytes.ts';
import { readInt64 } from '../protocol/message.ts';
import { readPage, rewritePage } from './checkpoint-page.ts';
import type { Files } from './files.ts';
import { isIndexFileName } from './index-layout.ts';
import type { IndexCheckpoint } from './index-recovery.ts';

/** Far behind what any version of the original uses of its page; it leaves these bytes as they are. */
const OWN_AT = 2048;
const OWN_MAGIC = 0x4d494c4c;
/** Bytes the CRC covers: magic, recoverFrom, the bits. */
const OWN_BYTES = 16;
const TOPIC_DELETED_BIT = 1;
const REBUILDING_BIT = 2;
const INDEX_AT = 2112;
/** Bytes the CRC covers: magic, doubt, indexedTo, endPhyOffset, lastFullFile. */
const INDEX_BYTES = 41;
const FILE_NAME_AT = INDEX_AT + 24;
const FILE_NAME_BYTES = 17;
const INDEX_MAGIC = 0x4d494458;
const DOUBTS: readonly IndexCheckpoint['doubt'][] = ['none', 'unflushed', 'unchecked'];

/**
 *      0 int64  physicMsgTimestamp   storeTimestamp of the last record known to be flushed
 *      8 int64  logicsMsgTimestamp   the same for ConsumeQueues
 *     16 int64  indexMsgTimestamp    the same for the index
 *     …
 *   2048 uint32 "MILL"               ours: where recovery may start
 *   2052 int64  recoverFrom
 *   2060 uint32 bits: 1 when the topic of that record was deleted, 2 while the ConsumeQueues are being rebuilt
 *   2064 uint32 CRC-32 of the 16 bytes before
 *
 *   2112 uint32 "MIDX"               ours: how far the index goes, see index-recovery.ts
 *   2116 uint32 doubt: 1 unflushed, 2 unchecked
 *   2120 int64  indexedTo, or −1
 *   2128 int64  endPhyOffset, or −1
 *   2136 17 digits, the name of the last full file that is flushed, or zero bytes
 *   2153 uint32 CRC-32 of the 41 bytes before
 *
 * The original decides by the timestamps (less 3 s) which segment to start in. We know better: `recoverFrom` is
 * the commitLogOffset of a record up to and including which all of the CommitLog and all ConsumeQueue entries are
 * flushed. It is a hint: recovery starts there only if a valid record is there.
 *
 * Source: RocketMQ 5.3 StoreCheckpoint.java.
 */
export interface StoreCheckpoint {
  physicMsgTimestamp: number;
  logicsMsgTimestamp: number;
  index: IndexCheckpoint;
  recoverFrom: number | undefined;
  /** The record at recoverFrom has no queue entry, and is to get none. */
  isTopicDeleted: boolean;
  /** recoverFrom vouches for the CommitLog only: the ConsumeQueues may be rebuilt in part. */
  isRebuilding: boolean;
}

/** Nothing is known of the index. */
export const NO_INDEX: IndexCheckpoint = {
  indexMsgTimestamp: 0,
  lastFullFile: undefined,
  indexedTo: undefined,
  endPhyOffset: -1,
  doubt: 'none',
};

export function checkpointPath(rootDir: string): string {
  return path.join(rootDir, 'checkpoint');
}

/** Undefined when there is none, or when it is too short. Of times one of which is impossible none is believed. */
export function readCheckpoint(files: Files, rootDir: string): StoreCheckpoint | undefined {
  const page = readPage(files, checkpointPath(rootDir));
  if (page === undefined) return undefined;
  const said = [0, 8, 16].map((at) => Number(page.readBigInt64BE(at)));
  const isPossible = said.every((time) => time >= 0 && Number.isSafeInteger(time));
  const times = isPossible ? said : [0, 0, 0];
  return {
    physicMsgTimestamp: times[0]!,
    logicsMsgTimestamp: times[1]!,
    index: readIndexPart(page, times[2]!),
    recoverFrom: readRecoverFrom(page),
    isTopicDeleted: (page.readUInt32BE(OWN_AT + 12) & TOPIC_DELETED_BIT) !== 0,
    isRebuilding: (page.readUInt32BE(OWN_AT + 12) & REBUILDING_BIT) !== 0,
  };
}

/** The timestamp up to which a store without our hint is surely flushed; clocks may have been 3 s apart. */
export function flushedBefore(checkpoint: StoreCheckpoint): number {
  const oldest = Math.min(checkpoint.physicMsgTimestamp, checkpoint.logicsMsgTimestamp);
  return Math.max(0, oldest - 3000);
}

export function writeCheckpoint(
  files: Files,
  rootDir: string,
  checkpoint: StoreCheckpoint,
): Promise<void> {
  // Each within one sector: a torn write loses our hint at most, never mixes two of them.
  return rewritePage(files, checkpointPath(rootDir), (page) => {
    writeInt64(page, checkpoint.physicMsgTimestamp, 0);
    writeInt64(page, checkpoint.logicsMsgTimestamp, 8);
    writeInt64(page, checkpoint.index.indexMsgTimestamp, 16);
    writeIndexPart(page, checkpoint.index);
    page.fill(0, OWN_AT, OWN_AT + OWN_BYTES + 4);
    if (checkpoint.recoverFrom === undefined) return;
    page.writeUInt32BE(OWN_MAGIC, OWN_AT);
    writeInt64(page, checkpoint.recoverFrom, OWN_AT + 4);
    const bits =
      (checkpoint.isTopicDeleted ? TOPIC_DELETED_BIT : 0) |
      (checkpoint.isRebuilding ? REBUILDING_BIT : 0);
    page.writeUInt32BE(bits, OWN_AT + 12);
    page.writeUInt32BE(ownCrc(page), OWN_AT + OWN_BYTES);
  });
}

function readIndexPart(page: Buffer, indexMsgTimestamp: number): IndexCheckpoint {
  const crc = crc32(page.subarray(INDEX_AT, INDEX_AT + INDEX_BYTES));
  const isOurs =
    page.readUInt32BE(INDEX_AT) === INDEX_MAGIC &&
    page.readUInt32BE(INDEX_AT + INDEX_BYTES) === crc;
  if (!isOurs) return { ...NO_INDEX, indexMsgTimestamp };
  const indexedTo = readInt64(page, INDEX_AT + 8);
  const name = page.toString('latin1', FILE_NAME_AT, FILE_NAME_AT + FILE_NAME_BYTES);
  return {
    indexMsgTimestamp,
    lastFullFile: isIndexFileName(name) ? name : undefined,
    indexedTo: indexedTo < 0 ? undefined : indexedTo,
    endPhyOffset: readInt64(page, INDEX_AT + 16),
    doubt: DOUBTS[page.readUInt32BE(INDEX_AT + 4)] ?? 'unchecked',
  };
}

function writeIndexPart(page: Buffer, index: IndexCheckpoint): void {
  page.writeUInt32BE(INDEX_MAGIC, INDEX_AT);
  page.writeUInt32BE(DOUBTS.indexOf(index.doubt), INDEX_AT + 4);
  writeInt64(page, index.indexedTo ?? -1, INDEX_AT + 8);
  writeInt64(page, index.endPhyOffset, INDEX_AT + 16);
  page.fill(0, FILE_NAME_AT, FILE_NAME_AT + FILE_NAME_BYTES);
  page.write(index.lastFullFile ?? '', FILE_NAME_AT, 'latin1');
  const crc = crc32(page.subarray(INDEX_AT, INDEX_AT + INDEX_BYTES));
  page.writeUInt32BE(crc, INDEX_AT + INDEX_BYTES);
}

function readRecoverFrom(page: Buffer): number | undefined {
  if (page.readUInt32BE(OWN_AT) !== OWN_MAGIC) return undefined;
  if (page.readUInt32BE(OWN_AT + OWN_BYTES) !== ownCrc(page)) return undefined;
  return readInt64(page, OWN_AT + 4);
}

function ownCrc(page: Buffer): number {
  return crc32(page.subarray(OWN_AT, OWN_AT + OWN_BYTES));
}
