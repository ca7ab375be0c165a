import type { Clock } from '../clock.ts';
import type { CommitLog } from './commit-log.ts';
import { decodeEntry, ENTRY_BYTES, isRealEntry, type ConsumeQueue } from './consume-queue.ts';
import { readFiltered } from './filtered-reader.ts';
import {
  FILTER_SCAN_ENTRIES,
  scanEndOf,
  type GetRequest,
  type GetResult,
  type GetStatus,
  type TransferLimits,
} from './get-request.ts';
import { endOf, holeAt, isRecordOf, runsOf, type Wanted } from './record-runs.ts';

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
  clock: Pick<Clock, 'monotonicMs'>,
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
  const { filter } = request;
  if (filter !== undefined) {
    const scan = { log, queue, request, filter, limits, clock };
    return readFiltered(scan, { minOffset, maxOffset });
  }
  const { wanted, nextOffset } = selectEntries(log, queue, request, limits);
  if (wanted.length === 0) {
    return emptyResult('NO_MATCHED_MESSAGE', nextOffset, minOffset, maxOffset);
  }
  const recent = collectRecent(log, wanted);
  if (recent !== undefined) {
    const count = wanted.length;
    return {
      status: 'FOUND',
      buffers: recent,
      count,
      nextBeginOffset: nextOffset,
      minOffset,
      maxOffset,
    };
  }
  return readRuns(log, queue, wanted, { minOffset, maxOffset, nextBeginOffset: nextOffset });
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
  const scanEnd = scanEndOf(request);
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
        const { commitLogOffset, sizeBytes } = entry;
        wanted.push({ commitLogOffset, sizeBytes, queueOffset: nextOffset });
        bytes += sizeBytes;
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

async function readRuns(
  log: CommitLog,
  queue: ConsumeQueue,
  wanted: readonly Wanted[],
  range: Pick<GetResult, 'minOffset' | 'maxOffset' | 'nextBeginOffset'>,
): Promise<GetResult> {
  const buffers: Buffer[] = [];
  let count = 0;
  const { minOffset, maxOffset } = range;
  const found = (nextBeginOffset: number): GetResult => {
    return { status: 'FOUND', buffers, count, nextBeginOffset, minOffset, maxOffset };
  };
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
      if (count > 0) return found(each.queueOffset);
      return holeAt(log, queue, each, range);
    }
  }
  return found(range.nextBeginOffset);
}
