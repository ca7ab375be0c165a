import type { Logger } from '../logger.ts';
import type { CommitLog } from './commit-log.ts';
import { isUnreadable, type IndexFile } from './index-file.ts';
import type { IndexFiles } from './index-files.ts';
import { readIndexKeys, type IndexKeys } from './index-keys.ts';
import type { IndexEntry } from './index-layout.ts';
import { readRecordAt } from './record-reader.ts';

/** What the store checkpoint says of the index. */
export interface IndexCheckpoint {
  /** Store time of the last message in the last full file that is flushed: the original trusts files up to it. */
  indexMsgTimestamp: number;
  /**
   * That last full file, when it is known: one of a later name is not meant, though it has the same messages. It was made in
   * the place of one that was removed.
   */
  lastFullFile: string | undefined;
  /** Every message before this commitLogOffset that has keys has its entries, and they are flushed … */
  indexedTo: number | undefined;
  /** … the last of them for the message at this commitLogOffset; −1 when there is none. */
  endPhyOffset: number;
  /**
   * Of the files behind indexMsgTimestamp: 'unflushed' after an fsync failed, which leaves unknown what the disk holds;
   * 'unchecked' when the store was closed before it had checked them after a crash.
   */
  doubt: 'none' | 'unflushed' | 'unchecked';
}

/** The message to index next, of which some keys may have their entries already. */
export interface IndexPosition {
  commitLogOffset: number;
  skippedKeys: number;
}

export interface IndexRecoveryOptions {
  files: IndexFiles;
  log: CommitLog;
  /** Where the log ended when it was opened. */
  endOffset: number;
  checkpoint: IndexCheckpoint;
  /** The last run did not close the store. */
  wasAborted: boolean;
  logger: Logger;
  /** Gives the event loop its turn. */
  turn: () => Promise<void>;
}

/**
 * Brings the index into agreement with the CommitLog, and returns where indexing goes on. Whatever is removed is indexed
 * again: the log has it all.
 *
 *  1. Files that begin behind the end of the log are removed.
 *  2. After a crash, files that are not known to be flushed are checked entry by entry and cut where they are wrong;
 *     after a failed fsync they are removed.
 *  3. The last entry must be of a key of the message it points to. A file that has another log's entries is removed.
 */
export async function recoverIndex(options: IndexRecoveryOptions): Promise<IndexPosition> {
  const { files, endOffset } = options;
  const behind = files.all.find((file) => !file.isEmpty && file.header.beginPhyOffset >= endOffset);
  if (behind !== undefined) remove(options, behind, 'it begins behind the end of the CommitLog');
  const doubtful = firstDoubtful(options);
  if (doubtful !== undefined && options.checkpoint.doubt === 'unflushed') {
    remove(options, doubtful, 'an fsync failed');
  } else if (doubtful !== undefined) {
    await checkFile(options, doubtful);
  }
  for (let last = lastFilled(files); last !== undefined; last = lastFilled(files)) {
    const problem = await disagreement(options, last);
    if (problem === undefined) break;
    remove(options, last, problem);
  }
  return goOnAt(options);
}

/** The first file that is not known to be right, and to end before the log does. */
function firstDoubtful({
  files,
  checkpoint,
  wasAborted,
  endOffset,
}: IndexRecoveryOptions): IndexFile | undefined {
  return files.all.find((file) => {
    if (file.header.endPhyOffset >= endOffset) return true;
    if (!wasAborted && checkpoint.doubt === 'none') return false;
    const { indexMsgTimestamp, lastFullFile = file.name } = checkpoint;
    return !file.isFull || file.header.endTimestamp > indexMsgTimestamp || file.name > lastFullFile;
  });
}

/** Its last message is always cut, and so none behind it can stay. */
async function checkFile(options: IndexRecoveryOptions, file: IndexFile): Promise<void> {
  const { files, log, endOffset, logger, turn } = options;
  const entries = file.header.indexCount - 1;
  file.markUnsynced();
  let problem: string | undefined;
  try {
    problem = await file.check(endOffset, turn);
  } catch (cause) {
    if (!isUnreadable(cause)) throw cause;
    return files.setAsideFrom(file, String(cause));
  }
  const next = files.all[files.all.indexOf(file) + 1];
  if (next !== undefined) remove(options, next, 'the one before it was not flushed');
  if (problem !== undefined) {
    const kept = file.header.indexCount - 1;
    logger.warn('cut an IndexFile; what it had behind is indexed again', {
      name: file.name,
      problem,
      entries,
      kept,
    });
  }
  if (file.isEmpty) return files.removeFrom(file);
  const record = await readRecordAt(log, endOffset, file.header.endPhyOffset);
  if (record !== undefined) file.setEndTimestamp(keysOf(record).storeTimestamp);
}

function remove({ files, logger }: IndexRecoveryOptions, file: IndexFile, reason: string): void {
  logger.warn('removed an IndexFile and those behind it; they are made again from the CommitLog', {
    name: file.name,
    reason,
  });
  files.removeFrom(file);
}

function lastFilled(files: IndexFiles): IndexFile | undefined {
  return files.all.findLast((file) => !file.isEmpty);
}

/** What its last entry says that the CommitLog does not; of a message that retention removed nothing can be said. */
async function disagreement(
  { log, endOffset }: IndexRecoveryOptions,
  file: IndexFile,
): Promise<string | undefined> {
  const { indexCount, endPhyOffset, endTimestamp } = file.header;
  if (endPhyOffset < log.minOffset) return undefined;
  let entry: IndexEntry;
  try {
    entry = await file.entry(indexCount - 1);
  } catch (cause) {
    if (!isUnreadable(cause)) throw cause;
    return String(cause);
  }
  const record = await readRecordAt(log, endOffset, endPhyOffset);
  if (record === undefined) return `no message begins at ${endPhyOffset}`;
  const { storeTimestamp, hashes } = keysOf(record);
  const isSame =
    entry.commitLogOffset === endPhyOffset &&
    storeTimestamp === endTimestamp &&
    hashes.includes(entry.keyHash);
  if (isSame) return undefined;
  return `its last entry is of another message than the one at ${endPhyOffset}`;
}

async function goOnAt(options: IndexRecoveryOptions): Promise<IndexPosition> {
  const { files, log, endOffset, checkpoint } = options;
  const last = lastFilled(files);
  const endPhyOffset = last === undefined ? -1 : last.header.endPhyOffset;
  const { indexedTo } = checkpoint;
  const start = log.minOffset;
  // Behind the last entry, messages without keys need not be looked at again; where the file is full, the message of that
  // entry may have had more of them, in a next file that is gone.
  if (
    indexedTo !== undefined &&
    indexedTo > endPhyOffset &&
    endPhyOffset >= checkpoint.endPhyOffset &&
    last?.isFull !== true
  ) {
    return { commitLogOffset: Math.min(Math.max(indexedTo, start), endOffset), skippedKeys: 0 };
  }
  if (endPhyOffset < start) return { commitLogOffset: start, skippedKeys: 0 };
  return { commitLogOffset: endPhyOffset, skippedKeys: await entriesOfLast(files, endPhyOffset) };
}

/** The entries of one message are neighbours, and may lie in two files. */
async function entriesOfLast(files: IndexFiles, commitLogOffset: number): Promise<number> {
  let count = 0;
  for (const file of files.all.toReversed()) {
    for (let number = file.header.indexCount - 1; number > 0; number--) {
      const entry = await file.entry(number);
      if (entry.commitLogOffset !== commitLogOffset) return count;
      count++;
    }
  }
  return count;
}

function keysOf(record: Buffer): IndexKeys {
  const keys: IndexKeys = { storeTimestamp: 0, hashes: [] };
  readIndexKeys(record, 0, keys);
  return keys;
}
