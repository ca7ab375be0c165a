import type { CommitLog } from './commit-log.ts';
import { decodeEntry, ENTRY_BYTES, isRealEntry, type ConsumeQueue } from './consume-queue.ts';

/** Entries looked at for one request at least, and per wanted message, before a filter scan gives up. */
const FILTER_SCAN_ENTRIES = 800;
const FILTER_SCAN_PER_MESSAGE = 20;
/** Largest stretch fetched by one read. */
const RUN_BYTES = 256 * 1024;

export type GetStatus =
  | 'FOUND'
  | 'NO_MATCHED_MESSAGE'
  | 'MESSAGE_WAS_REMOVING'
  | 'OFFSET_FOUND_NULL'
  | 'OFFSET_OVERFLOW_BADLY'
  | 'OFFSET_OVERFLOW_ONE'
  | 'OFFSET_TOO_SMALL'
  | 'NO_MATCHED_LOGIC_QUEUE'
  | 'NO_MESSAGE_IN_QUEUE';

export interface GetRequest {
  topic: string;
  queueId: number;
  queueOffset: number;
  maxCount: number;
  maxBytes: number;
  /** Only messages whose tagsCode is one of these; absent: all. */
  tagsCodes?: ReadonlySet<number> | undefined;
}

export interface GetResult {
  status: GetStatus;
  /** Stored records end to end, as they are in the CommitLog. Views of shared memory: not to be changed. */
  buffers: Buffer[];
  count: number;
  /** Always a place from which the reader can go on. */
  nextBeginOffset: number;
  minOffset: number;
  maxOffset: number;
}

/** What one request may return of data that is probably on disk only, so that it cannot hold up the others. */
export interface TransferLimits {
  maxCountOnDisk: number;
  maxBytesOnDisk: number;
  /** Data farther than this from the end of the log counts as on disk. */
  memoryBytes: number;
}

interface Wanted {
  commitLogOffset: number;
  sizeBytes: number;
  queueOffset: number;
}

/**
 * Reads messages of one queue: entries from the ConsumeQueue, records from memory or by position.
 *
 * The result comes at once when all records are in memory, so that a consumer that keeps up costs no turn of the
 * event loop.
 *
 * Source: RocketMQ 5.3 DefaultMessageStore.getMessage, isTheBatchFull.
 */
export function readMessages(
  log: CommitLog,
  queue: ConsumeQueue | undefined,
  request: GetRequest,
  limits: TransferLimits,
): GetResult | Promise<GetResult> {
  if (queue === undefined) return emptyResult('NO_MATCHED_LOGIC_QUEUE', 0, 0, 0);
  const maxOffset = queue.maxOffset;
  const minOffset = queue.minOffset(log.minOffset);
  const { queueOffset } = request;
  if (maxOffset === 0) return emptyResult('NO_MESSAGE_IN_QUEUE', 0, minOffset, maxOffset);
  if (queueOffset < minOffset) {
    return emptyResult('OFFSET_TOO_SMALL', minOffset, minOffset, maxOffset);
  }
  if (queueOffset === maxOffset) {
    return emptyResult('OFFSET_OVERFLOW_ONE', queueOffset, minOffset, maxOffset);
  }
  if (queueOffset > maxOffset) {
    return emptyResult('OFFSET_OVERFLOW_BADLY', maxOffset, minOffset, maxOffset);
  }
  const { wanted, nextOffset } = selectEntries(log, queue, request, limits);
  const range = { minOffset, maxOffset, nextBeginOffset: nextOffset };
  if (wanted.length === 0) return { ...range, status: 'NO_MATCHED_MESSAGE', buffers: [], count: 0 };
  const recent = collectRecent(log, wanted);
  if (recent !== undefined) {
    return { ...range, status: 'FOUND', buffers: recent, count: wanted.length };
  }
  return readRuns(log, queue, wanted, range);
}

function emptyResult(
  status: GetStatus,
  nextBeginOffset: number,
  minOffset: number,
  maxOffset: number,
): GetResult {
  return { status, buffers: [], count: 0, nextBeginOffset, minOffset, maxOffset };
}

function selectEntries(
  log: CommitLog,
  queue: ConsumeQueue,
  request: GetRequest,
  limits: TransferLimits,
): { wanted: Wanted[]; nextOffset: number } {
  const { tagsCodes, maxCount, maxBytes } = request;
  const memoryFrom = log.writtenOffset - limits.memoryBytes;
  const wanted: Wanted[] = [];
  let bytes = 0;
  let nextOffset = request.queueOffset;
  const scanEnd = nextOffset + Math.max(FILTER_SCAN_ENTRIES, maxCount * FILTER_SCAN_PER_MESSAGE);
  while (nextOffset < scanEnd) {
    const entries = queue.read(nextOffset, Math.min(scanEnd - nextOffset, entriesAhead(request)));
    if (entries.length === 0) break;
    for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
      const entry = decodeEntry(entries, at);
      const isWanted =
        isRealEntry(entry) && (tagsCodes === undefined || tagsCodes.has(entry.tagsCode));
      if (isWanted) {
        const isOnDisk = entry.commitLogOffset < memoryFrom;
        const count = isOnDisk ? Math.min(maxCount, limits.maxCountOnDisk) : maxCount;
        const room = isOnDisk ? Math.min(maxBytes, limits.maxBytesOnDisk) : maxBytes;
        // The first message is returned whatever its size, or its reader could never get past it.
        const isFull =
          wanted.length > 0 && (wanted.length >= count || bytes + entry.sizeBytes > room);
        if (isFull) return { wanted, nextOffset };
        wanted.push({ ...entry, queueOffset: nextOffset });
        bytes += entry.sizeBytes;
      }
      nextOffset++;
    }
    if (wanted.length >= maxCount) break;
  }
  return { wanted, nextOffset };
}

/** Without a filter no more entries than messages are needed. */
function entriesAhead(request: GetRequest): number {
  return request.tagsCodes === undefined ? Math.max(1, request.maxCount) : FILTER_SCAN_ENTRIES;
}

/** All records as few views of memory, or undefined when one of them is no longer there. */
function collectRecent(log: CommitLog, wanted: readonly Wanted[]): Buffer[] | undefined {
  const buffers: Buffer[] = [];
  for (let index = 0; index < wanted.length;) {
    const { commitLogOffset } = wanted[index]!;
    let end = endOf(wanted[index]!);
    let next = index + 1;
    // Neighbours in the log become one view, if they are neighbours in memory as well.
    while (next < wanted.length && wanted[next]!.commitLogOffset === end) {
      const longer = endOf(wanted[next]!);
      if (log.readRecent(commitLogOffset, longer - commitLogOffset) === undefined) break;
      end = longer;
      next++;
    }
    const view = log.readRecent(commitLogOffset, end - commitLogOffset);
    if (view === undefined) return undefined;
    buffers.push(view);
    index = next;
  }
  return buffers;
}

function endOf(wanted: Wanted): number {
  return wanted.commitLogOffset + wanted.sizeBytes;
}

async function readRuns(
  log: CommitLog,
  queue: ConsumeQueue,
  wanted: readonly Wanted[],
  range: { minOffset: number; maxOffset: number; nextBeginOffset: number },
): Promise<GetResult> {
  const buffers: Buffer[] = [];
  let count = 0;
  for (const run of runsOf(log, wanted)) {
    const start = run[0]!.commitLogOffset;
    const bytes = await log.read(start, endOf(run.at(-1)!) - start);
    for (const each of run) {
      const from = each.commitLogOffset - start;
      const record = bytes?.subarray(from, from + each.sizeBytes);
      if (record !== undefined && isRecordOf(record, each)) {
        buffers.push(record);
        count++;
        continue;
      }
      // What was read before the hole is a complete answer; the next request meets the hole first.
      if (count > 0)
        return { ...range, status: 'FOUND', buffers, count, nextBeginOffset: each.queueOffset };
      return holeAt(log, queue, each, range);
    }
  }
  return { ...range, status: 'FOUND', buffers, count };
}

/** Records close together are fetched by one read, if at least half of what is read is wanted. */
function runsOf(log: CommitLog, wanted: readonly Wanted[]): Wanted[][] {
  const runs: Wanted[][] = [];
  let run: Wanted[] = [];
  let wantedBytes = 0;
  for (const each of wanted) {
    const first = run[0];
    const span = first === undefined ? 0 : endOf(each) - first.commitLogOffset;
    const joins =
      first !== undefined &&
      each.commitLogOffset >= endOf(run.at(-1)!) &&
      span <= RUN_BYTES &&
      span <= 2 * (wantedBytes + each.sizeBytes) &&
      endOf(each) <= log.nextSegmentStart(first.commitLogOffset);
    if (!joins) {
      run = [];
      runs.push(run);
      wantedBytes = 0;
    }
    run.push(each);
    wantedBytes += each.sizeBytes;
  }
  return runs;
}

/** Size and position, as the entry says: anything else there is not the message. */
function isRecordOf(record: Buffer, wanted: Wanted): boolean {
  return (
    record.length === wanted.sizeBytes &&
    record.readInt32BE(0) === wanted.sizeBytes &&
    record.readInt32BE(28) === Math.floor(wanted.commitLogOffset / 0x100000000) &&
    record.readUInt32BE(32) === wanted.commitLogOffset >>> 0
  );
}

/** Nothing readable where the entry points. Where it was removed meanwhile, reading goes on behind the gap. */
function holeAt(
  log: CommitLog,
  queue: ConsumeQueue,
  hole: Wanted,
  range: { minOffset: number; maxOffset: number },
): GetResult {
  const isRemoved = hole.commitLogOffset < log.minOffset;
  const goOnAt = isRemoved ? log.minOffset : log.nextSegmentStart(hole.commitLogOffset);
  const nextBeginOffset = queue.firstWhere(
    hole.queueOffset + 1,
    (entry) => entry.commitLogOffset >= goOnAt,
  );
  return {
    ...range,
    status: isRemoved ? 'MESSAGE_WAS_REMOVING' : 'OFFSET_FOUND_NULL',
    buffers: [],
    count: 0,
    nextBeginOffset,
  };
}
