import path from 'node:path';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { AbortFile, AbortNote } from './abort-file.ts';
import { commitLogDirectory } from './commit-log.ts';
import { isRealEntry, type ConsumeQueue } from './consume-queue.ts';
import type { ConsumeQueues } from './consume-queues.ts';
import { countRecordsFrom, findRecord, type LogDamage } from './damage.ts';
import { isFullDisk } from './disk-space.ts';
import { entryTagsCode, isDispatched } from './dispatch.ts';
import type { Files } from './files.ts';
import { LogScanner, type ScanEnd, type ScannedRecord } from './log-scanner.ts';
import { Quarantine } from './quarantine.ts';
import { chooseStart, type RecoveryStart } from './recovery-start.ts';
import { rewriteStretch } from './rewrite-stretch.ts';
import { parseSegmentName, SegmentFile, segmentName } from './segment-file.ts';
import { checkpointPath, NO_INDEX, writeCheckpoint } from './store-checkpoint.ts';
import type { StoreCheckpoint } from './store-checkpoint.ts';

/** Entries rebuilt in memory before they are written. */
const DISPATCHED_PER_WRITE = 100_000;
/** Queue entries without a message that a damaged record may leave. */
const MAX_GAP_ENTRIES = 65_536;
/** No record is smaller. */
const MIN_RECORD_BYTES = 91;

export interface RecoveryOptions {
  files: Files;
  rootDir: string;
  segmentBytes: number;
  delayLevelsMs: readonly number[];
  queues: ConsumeQueues;
  checkpoint: StoreCheckpoint | undefined;
  abortFile: AbortFile;
  /** The last run ended without closing the store; undefined when it did close it. */
  aborted: AbortNote | undefined;
  logger: Logger;
}

export interface LastRecord {
  commitLogOffset: number;
  storeTimestamp: number;
  topic: string;
  /** Its topic was deleted since, and its queue entry with it. */
  isTopicDeleted: boolean;
}

export interface Recovered {
  segments: SegmentFile[];
  /** Where the walk over the log's records started. */
  startOffset: number;
  /** Where the log ends and the next record goes. */
  endOffset: number;
  /** Behind the last record; before endOffset where damage was found. */
  recordsEndOffset: number;
  damage: LogDamage | undefined;
  last: LastRecord | undefined;
  scannedRecords: number;
  /** The checkpoint on disk does not spare the next start what this one did. */
  needsCheckpoint: boolean;
}

/**
 * Brings CommitLog and ConsumeQueues into agreement after any end of the last run.
 *
 *  1. Start where everything before is known to be flushed: at the record the checkpoint names, else at a segment
 *     chosen by the checkpoint's timestamps, else at the beginning.
 *  2. Walk forward, record by record, to the first byte that is no whole record. That is the end of the log: a torn
 *     tail is cut, so that no later record can be read together with old bytes behind it. With whole records behind
 *     it, it is damage: its segment is kept and closed there, and the log goes on in the next one. In what is known to
 *     be flushed there are no torn tails: such damage is stepped over, and costs the messages in it only.
 *  3. Give every record walked over its ConsumeQueue entry. A queue that lacks an entry from before the start
 *     makes all of them be rebuilt from the first record of the log.
 *  4. Cut ConsumeQueue entries that point to no record.
 *  5. After a crash, write again all that is not known to be flushed. An fsync may have failed just before, and the
 *     kernel hold those pages as clean since: it would serve them, and never write them.
 *
 * Order: nothing is visible before this ends. Cutting is the only thing that destroys, and it destroys no whole record:
 *        what holds any is in `quarantine/` before.
 * Errors: STORE_FAILED when segments are missing in the middle; what the disk says.
 */
export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const segments = findSegments(options);
  try {
    return await recoverSegments(options, segments);
  } catch (error) {
    for (const segment of segments) segment.close();
    throw error;
  }
}

async function recoverSegments(
  options: RecoveryOptions,
  segments: readonly SegmentFile[],
): Promise<Recovered> {
  const { aborted, abortFile, logger } = options;
  const start = await chooseStart(options, segments);
  // Nothing has been changed before.
  const note = {
    rebuildQueues: aborted?.rebuildQueues === true,
    flushedTo: start.vouchedOffset,
  };
  if (aborted === undefined) await abortFile.create(note);
  else abortFile.write(note);
  let walk = start.isRebuild
    ? await rebuild(options, segments, start)
    : await walkLog(options, segments, start, true);
  if (walk.lacks !== undefined) {
    logger.warn('ConsumeQueues lack entries and are rebuilt from the CommitLog', walk.lacks);
    walk = await rebuild(options, segments, start);
  }
  const { kept, damage } = await cutBehind(options, segments, walk, start);
  for (const segment of kept) {
    await rewriteUnflushed(options, segment, { from: start.flushedOffset, to: walk.endOffset });
  }
  if (aborted !== undefined || !start.isFromHint) cutQueues(options, walk);
  if (aborted !== undefined && !start.isFromHint) noteUnwalked(options, walk);
  if (start.vouchedOffset !== undefined && start.vouchedOffset >= walk.recordsEndOffset) {
    retract(options, walk, start.vouchedOffset);
  }
  if (walk.end?.kind === 'invalid' && damage === undefined) {
    logger.warn('cut the CommitLog behind its last whole record', {
      commitLogOffset: walk.endOffset,
      reason: walk.end.reason,
    });
  }
  return {
    segments: kept,
    startOffset: walk.startOffset,
    endOffset: damage?.endOffset ?? walk.endOffset,
    recordsEndOffset: walk.recordsEndOffset,
    damage,
    last: walk.last,
    scannedRecords: walk.scannedRecords,
    needsCheckpoint: aborted !== undefined || (walk.last !== undefined && !start.isFromHint),
  };
}

interface Walk {
  startOffset: number;
  endOffset: number;
  /** Behind the last record: before endOffset where the segment was closed because of damage. */
  recordsEndOffset: number;
  end: ScanEnd | undefined;
  last: LastRecord | undefined;
  scannedRecords: number;
  /** What was stepped over because of damage. */
  skippedBytes: number;
  /** Of each queue that got or had an entry: the queueOffset behind its last one. */
  queueEnds: Map<ConsumeQueue, number>;
  /** Of each queue that began in this walk: the queueOffset of its first entry. */
  queueStarts: Map<ConsumeQueue, number>;
  /** The first entry found missing from before the start; the walk stopped there. */
  lacks?: { topic: string; queueId: number; queueOffset: number; maxOffset: number };
}

/** The segments on disk in order; the last one has its configured size whatever the file's size is. */
function findSegments({ files, rootDir, segmentBytes, logger }: RecoveryOptions): SegmentFile[] {
  const directory = commitLogDirectory(rootDir);
  const found: { baseOffset: number; fileBytes: number }[] = [];
  for (const name of files.list(directory)) {
    const baseOffset = parseSegmentName(name);
    if (baseOffset === undefined) {
      logger.warn('ignoring a file that is no CommitLog segment', { name });
      continue;
    }
    found.push({ baseOffset, fileBytes: files.sizeOf(path.join(directory, name)) ?? 0 });
  }
  return found.map(({ baseOffset, fileBytes }, index) => {
    const next = found[index + 1];
    const before = index === 0 ? undefined : baseOffset - found[index - 1]!.baseOffset;
    // Shorter than configured: made under another setting if its predecessor is as short, else truncated.
    const lastBytes = fileBytes === before ? fileBytes : Math.max(fileBytes, segmentBytes);
    const sizeBytes = next === undefined ? lastBytes : next.baseOffset - baseOffset;
    if (next !== undefined && fileBytes > 0 && sizeBytes > Math.max(fileBytes, segmentBytes)) {
      throw new MqError(
        'STORE_FAILED',
        `CommitLog segments are missing in ${directory}: ${segmentName(baseOffset)} ends at ${
          baseOffset + Math.max(fileBytes, segmentBytes)
        }, the next one starts at ${next.baseOffset}`,
        { details: { endOffset: baseOffset + fileBytes, nextOffset: next.baseOffset } },
      );
    }
    return new SegmentFile(files, directory, baseOffset, sizeBytes);
  });
}

async function rebuild(
  options: RecoveryOptions,
  segments: readonly SegmentFile[],
  { vouchedOffset }: RecoveryStart,
): Promise<Walk> {
  const { files, rootDir, queues } = options;
  const offset = segments[0]!.baseOffset;
  // First: should this be interrupted, the hint must vouch for half-rebuilt queues no more.
  if (vouchedOffset === undefined) {
    files.remove(checkpointPath(rootDir));
  } else {
    await writeCheckpoint(files, rootDir, {
      physicMsgTimestamp: 0,
      logicsMsgTimestamp: 0,
      index: NO_INDEX,
      recoverFrom: vouchedOffset,
      isTopicDeleted: false,
      isRebuilding: true,
    });
  }
  await files.syncDirectory(rootDir);
  queues.wipe(offset);
  return walkLog(options, segments, { offset, vouchedOffset, isForgotten: false }, false);
}

async function walkLog(
  options: RecoveryOptions,
  segments: readonly SegmentFile[],
  start: Pick<RecoveryStart, 'offset' | 'isForgotten' | 'vouchedOffset'>,
  stopsAtGap: boolean,
): Promise<Walk> {
  const walk: Walk = {
    startOffset: start.offset,
    endOffset: start.offset,
    recordsEndOffset: start.offset,
    end: undefined,
    last: undefined,
    scannedRecords: 0,
    skippedBytes: 0,
    queueEnds: new Map(),
    queueStarts: new Map(),
  };
  for (const segment of segments) {
    if (segment.baseOffset + segment.sizeBytes <= walk.endOffset) continue;
    // The segment before ended early: what is in this one comes after the end.
    if (segment.baseOffset > walk.endOffset) break;
    // What a killed process wrote may be in the page cache only, and must be flushed before it is served.
    if (options.aborted !== undefined) segment.markDirty();
    let scanner = new LogScanner(segment, walk.endOffset);
    for (;;) {
      const record = await scanner.next();
      if (record === undefined) {
        const next = await nextVouched(options, segments, segment, scanner, start.vouchedOffset);
        if (next === undefined) break;
        walk.skippedBytes += next.offset - scanner.offset;
        scanner = next;
        continue;
      }
      const { commitLogOffset, totalSize, storeTimestamp, topic } = record.header;
      walk.recordsEndOffset = commitLogOffset + totalSize;
      const isTopicDeleted =
        start.isForgotten && commitLogOffset === start.offset && !hasEntry(options, record);
      const lacks = isTopicDeleted ? undefined : dispatchAgain(options, walk, record, stopsAtGap);
      if (lacks !== undefined) return { ...walk, lacks };
      walk.last = { commitLogOffset, storeTimestamp, topic, isTopicDeleted };
      walk.scannedRecords++;
      if (walk.scannedRecords % DISPATCHED_PER_WRITE === 0) await options.queues.writeAll();
    }
    walk.end = scanner.end;
    walk.endOffset = scanner.end?.kind === 'segment-end' ? scanner.end.nextOffset : scanner.offset;
    if (scanner.end?.kind !== 'segment-end') break;
  }
  await options.queues.writeAll();
  return walk;
}

/**
 * Where the walk goes on in this segment, or at its end, behind damage in what is known to be flushed; undefined where it found
 * the end of the log: no record that is vouched for, too, is whole behind it, nor does one begin where the last of those ends.
 */
async function nextVouched(
  { logger }: RecoveryOptions,
  segments: readonly SegmentFile[],
  segment: SegmentFile,
  { offset: commitLogOffset, end }: LogScanner,
  vouchedOffset = -1,
): Promise<LogScanner | undefined> {
  if (end?.kind === 'segment-end' || commitLogOffset > vouchedOffset) return undefined;
  const nextOffset =
    commitLogOffset === vouchedOffset
      ? await endBySize(segment, commitLogOffset)
      : await findRecordIn(segments, commitLogOffset + 1, vouchedOffset);
  if (nextOffset === undefined) return undefined;
  logger.error('the CommitLog is damaged, and the messages in that stretch are lost', {
    segment: segment.path,
    commitLogOffset,
    nextOffset,
    reason: end?.kind === 'invalid' ? end.reason : 'it is all zeros',
  });
  return new LogScanner(segment, Math.min(nextOffset, segment.baseOffset + segment.sizeBytes));
}

/** Where a damaged record ends by its own size; undefined where nothing whole begins there, and its size may be the damage. */
async function endBySize(segment: SegmentFile, offset: number): Promise<number | undefined> {
  const { baseOffset, sizeBytes } = segment;
  const size = (await segment.read(offset - baseOffset, 4)).readInt32BE(0);
  if (size <= 0 || offset + size > baseOffset + sizeBytes) return undefined;
  const behind = new LogScanner(segment, offset + size);
  const isWhole = (await behind.next()) !== undefined || behind.end?.kind === 'segment-end';
  return isWhole ? offset + size : undefined;
}

/** The first whole record that begins in `[from, to]`. */
async function findRecordIn(
  segments: readonly SegmentFile[],
  from: number,
  to: number,
): Promise<number | undefined> {
  for (const segment of segments) {
    const { baseOffset, sizeBytes } = segment;
    if (baseOffset + sizeBytes <= from || baseOffset > to) continue;
    const found = await findRecord(segment, Math.max(from, baseOffset));
    if (found !== undefined) return found <= to ? found : undefined;
  }
  return undefined;
}

/** Its queue's file still leads to it: the topic was to be deleted, and was not. */
function hasEntry({ queues }: RecoveryOptions, { header }: ScannedRecord): boolean {
  const { topic, queueId, queueOffset, commitLogOffset } = header;
  const entry = queues.find(topic, queueId)?.readEntry(queueOffset);
  return entry?.commitLogOffset === commitLogOffset;
}

/**
 * Gives a record its ConsumeQueue entry, replacing whatever is there. Of two records with one queueOffset the
 * later wins: the topic was deleted and created anew between them. One that says a queueOffset it cannot have gets none.
 */
function dispatchAgain(
  { queues, delayLevelsMs, aborted, logger }: RecoveryOptions,
  walk: Walk,
  { header, propertiesString }: ScannedRecord,
  stopsAtGap: boolean,
): Walk['lacks'] {
  const { queueEnds, queueStarts } = walk;
  const { topic, queueId, queueOffset, commitLogOffset, totalSize, storeTimestamp } = header;
  if (!isDispatched(header.sysFlag)) return undefined;
  const queue = queues.findOrCreate(topic, queueId);
  if (isStrayBack(walk, queue, header)) {
    logger.error('a record says the queueOffset of another one, and gets no entry', {
      topic,
      queueId,
      queueOffset,
      expected: queueEnds.get(queue),
      commitLogOffset,
    });
    return undefined;
  }
  const missing = queueOffset - queue.maxOffset;
  const isAfterGap = missing > 0 && queueEnds.has(queue);
  if (isAfterGap) {
    // Messages of one walk follow each other: one of them says a wrong topic, queueId or queueOffset, which have no CRC.
    logger.error('a queue lacks messages, because a record is damaged in its head', {
      topic,
      queueId,
      queueOffset,
      missing,
      commitLogOffset,
    });
    const credible = MAX_GAP_ENTRIES + Math.floor(walk.skippedBytes / MIN_RECORD_BYTES);
    if (missing > credible) return undefined;
    queue.appendFillers(missing);
  }
  queueEnds.set(queue, queueOffset + 1);
  const start = queueStarts.get(queue);
  if (start !== undefined && queueOffset > 0 && queueOffset < start) {
    logger.error('the first record of a queue says another queueOffset than those behind it', {
      topic,
      queueId,
      queueOffset: start,
      next: queueOffset,
    });
    queueStarts.set(queue, queueOffset);
  }
  const isFirst = queueOffset < queue.firstOffset || queueOffset > queue.maxOffset;
  if (queueOffset === 0 || isFirst) queueStarts.set(queue, queueOffset);
  const entry = {
    commitLogOffset,
    sizeBytes: totalSize,
    tagsCode: entryTagsCode({ topic, propertiesString, storeTimestamp }, delayLevelsMs),
  };
  if (queueOffset < queue.firstOffset) {
    // A clean-up removed the entry and, cut off from power, not the message.
    queue.restartAt(queueOffset);
  } else if (queueOffset < queue.maxOffset) {
    const present = queue.readEntry(queueOffset)!;
    const isSame =
      present.commitLogOffset === entry.commitLogOffset &&
      present.sizeBytes === entry.sizeBytes &&
      present.tagsCode === entry.tagsCode;
    if (isSame) {
      if (aborted !== undefined) queues.noteUnflushed(queue, queueOffset);
      return undefined;
    }
    queue.truncate(queueOffset);
  } else if (queueOffset > queue.maxOffset) {
    if (stopsAtGap) return { topic, queueId, queueOffset, maxOffset: queue.maxOffset };
    queue.restartAt(queueOffset);
  }
  queue.append(queueOffset, entry);
  queues.noteAppended(queue);
  if (aborted !== undefined) queue.markDirty(queueOffset);
  return undefined;
}

/**
 * One flipped bit in a queueOffset, which has no CRC, must not take the entries behind it along. The messages of a queue
 * follow each other; a way back is possible to 0, where a topic was made anew, by one, to the record's own entry, and to
 * what a record said before that was itself wrong: a filler, or the only entry yet. Whoever comes first in a walk is
 * compared with what is there from before it.
 */
function isStrayBack(
  { queueEnds, queueStarts, startOffset }: Walk,
  queue: ConsumeQueue,
  { queueOffset, commitLogOffset }: ScannedRecord['header'],
): boolean {
  const end = queueEnds.get(queue);
  if (queueOffset === 0 || (end !== undefined && queueOffset >= end - 1)) return false;
  const there = queue.readEntry(queueOffset);
  if (there?.commitLogOffset === commitLogOffset) return false;
  if (end === undefined) {
    const atOrBehind = queue.readEntry(Math.max(queueOffset, queue.minOffset(0)));
    return (
      atOrBehind !== undefined &&
      isRealEntry(atOrBehind) &&
      atOrBehind.commitLogOffset < startOffset
    );
  }
  const start = queueStarts.get(queue);
  if (start === end - 1) return false;
  const isFiller = there !== undefined && there.sizeBytes > 0 && !isRealEntry(there);
  // Not one of those that lead to where a queue begins whose first messages are gone.
  const isOfHole = isFiller && (there.commitLogOffset > 0 || (start ?? Infinity) < queueOffset);
  return !isOfHole;
}

/** Returns the segments that remain, and what was kept apart because of damage. */
async function cutBehind(
  options: RecoveryOptions,
  segments: readonly SegmentFile[],
  walk: Walk,
  { isFromHint, flushedOffset, vouchedOffset = -1 }: RecoveryStart,
): Promise<{ kept: SegmentFile[]; damage: LogDamage | undefined }> {
  const isBehind = (segment: SegmentFile): boolean =>
    segment.baseOffset >= walk.endOffset && segment !== segments[0];
  const kept = segments.filter((segment) => !isBehind(segment));
  const last = kept.at(-1);
  const isFull = last === undefined || walk.endOffset >= last.baseOffset + last.sizeBytes;
  const isCleanEnd = options.aborted === undefined && walk.end?.kind === 'zeros';
  const messageCount =
    isFull || (isCleanEnd && isFromHint) ? 0 : await countRecordsFrom(last, walk.endOffset + 1);
  // A store that was closed left no tear, and what was flushed has none.
  const isNoTear =
    walk.end?.kind === 'invalid' &&
    (options.aborted === undefined || walk.endOffset <= vouchedOffset);
  const isDamaged = !isFull && (messageCount > 0 || isNoTear);
  if (isDamaged) reportDamage(options, last, walk, messageCount);
  const quarantine = new Quarantine(options.files, options.rootDir);
  const quarantined: string[] = [];
  // The last one first: what is interrupted must not leave a gap, nor a way for the next walk into what lies behind.
  for (const segment of segments.filter(isBehind).toReversed()) {
    const isAtDamage = isNoTear && segment.baseOffset === walk.endOffset;
    const target = await setAside(options, quarantine, segment, { isAtDamage, flushedOffset });
    if (target !== undefined) quarantined.unshift(target);
  }
  if (isFull) return { kept, damage: undefined };
  const position = walk.endOffset - last.baseOffset;
  if (!isDamaged) {
    if (!isCleanEnd) last.clearFrom(position);
    return { kept, damage: undefined };
  }
  await rewriteUnflushed(options, last, { from: Math.max(walk.endOffset, flushedOffset) });
  quarantined.unshift(await quarantine.closeAt(last, position));
  options.logger.error('the damaged segment is kept in quarantine, and the log goes on behind it', {
    quarantined: quarantined.join(', '),
  });
  const damage = {
    commitLogOffset: walk.endOffset,
    segment: last.path,
    messageCount,
    quarantined,
    endOffset: last.baseOffset + last.sizeBytes,
  };
  return { kept, damage };
}

/**
 * The log has lost what was known to be flushed, or an older copy of it was put back. What it gets from here on is not flushed yet,
 * and nothing may vouch for that; all of this must be flushed before it gets any.
 */
function retract(
  { files, rootDir, abortFile, aborted, logger }: RecoveryOptions,
  { recordsEndOffset }: Walk,
  flushedTo: number,
): void {
  logger.error('the CommitLog ends before a record that was flushed: messages are lost', {
    recordsEndOffset,
    flushedTo,
  });
  files.remove(checkpointPath(rootDir));
  abortFile.write({ rebuildQueues: aborted?.rebuildQueues === true, flushedTo: undefined });
}

function reportDamage(
  { logger }: RecoveryOptions,
  { path: segment }: SegmentFile,
  { endOffset: commitLogOffset, end }: Walk,
  messageCount: number,
): void {
  const reason = end?.kind === 'invalid' ? end.reason : 'it is all zeros';
  logger.error('the CommitLog is damaged, and messages from there on are not served', {
    segment,
    commitLogOffset,
    reason,
    messagesBehindInSegment: messageCount,
  });
}

/** After a crash only: an fsync may have failed just before, and nobody have noted it. */
async function rewriteUnflushed(
  { aborted, logger }: RecoveryOptions,
  segment: SegmentFile,
  { from, to = Infinity }: { from: number; to?: number },
): Promise<void> {
  if (aborted === undefined) return;
  try {
    await rewriteStretch(segment, from - segment.baseOffset, to - segment.baseOffset);
  } catch (cause) {
    // A file system that writes nothing in place may have no room for it: what is there is served all the same.
    if (!isFullDisk(cause)) throw cause;
    logger.warn('the disk is too full to write again what may not be flushed', {
      segment: segment.path,
      cause,
    });
  }
}

/** A segment behind the end: an empty one was created in advance and goes; one with records, or a damaged one, is kept apart. */
async function setAside(
  options: RecoveryOptions,
  quarantine: Quarantine,
  segment: SegmentFile,
  { isAtDamage, flushedOffset }: { isAtDamage: boolean; flushedOffset: number },
): Promise<string | undefined> {
  if (!isAtDamage && (await countRecordsFrom(segment, segment.baseOffset)) === 0) {
    segment.remove();
    return undefined;
  }
  // What it has may have been acknowledged, and be all there is of it.
  await rewriteUnflushed(options, segment, { from: flushedOffset });
  const target = await quarantine.take(segment);
  options.logger.error(
    'a CommitLog segment lies behind damaged bytes and was moved to quarantine',
    {
      segment: path.basename(segment.path),
      directory: quarantine.directory,
    },
  );
  return target;
}

/**
 * Without a hint nothing vouches for a queue that has no record in the walk: its messages are gone, and only its last file says
 * what number the next one gets.
 */
function noteUnwalked({ queues }: RecoveryOptions, { queueEnds }: Walk): void {
  for (const queue of queues.all()) {
    if (queue.maxOffset > 0 && !queueEnds.has(queue)) {
      queues.noteUnflushed(queue, queue.maxOffset - 1);
    }
  }
}

/**
 * Every record from the start of the walk on was given its entry, so any other entry that points there, or behind
 * the end, is left over from before a cut.
 */
function cutQueues({ queues, logger }: RecoveryOptions, walk: Walk): void {
  let entryCount = 0;
  for (const queue of queues.all()) {
    const before = queue.maxOffset;
    const end = walk.queueEnds.get(queue);
    if (end === undefined) queue.cutBehind(walk.startOffset);
    else queue.truncate(end);
    if (queue.maxOffset === before) continue;
    queues.noteCut(queue);
    entryCount += before - queue.maxOffset;
  }
  if (entryCount === 0) return;
  logger.warn('cut ConsumeQueue entries that point to no record', { entryCount });
}
