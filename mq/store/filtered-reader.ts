import type { Clock } from '../clock.ts';
import type { PropertyFilter } from '../protocol/filter/property-filter.ts';
import { recordProperties } from '../protocol/message.ts';
import type { CommitLog } from './commit-log.ts';
import { decodeEntry, ENTRY_BYTES, isRealEntry, type ConsumeQueue } from './consume-queue.ts';
import { scanEndOf, type GetRequest, type GetResult, type TransferLimits } from './get-request.ts';
import { endOf, holeAt, isRecordOf, runsOf, type Wanted } from './record-runs.ts';

/** Entries decoded at a time; of what is found behind the last one wanted, no record is read in vain. */
const BLOCK_ENTRIES = 64;
/** What one request may read from disk in search of a message it wants, and how long it may keep the event loop. */
const SCAN_DISK_BYTES = 4 * 1024 * 1024;
const SCAN_MS = 10;

export interface FilterScan {
  log: CommitLog;
  queue: ConsumeQueue;
  request: GetRequest;
  filter: Pick<PropertyFilter, 'matches'>;
  limits: TransferLimits;
  clock: Pick<Clock, 'monotonicMs'>;
}

/**
 * Reads the messages of a queue whose properties a filter wants. Every record has to be looked at, so a scan is bounded
 * threefold: by entries as the original's, by bytes read from disk, and by time. What it gives up with is as good an
 * answer as any, nextBeginOffset says how far it came.
 *
 * The request's offset is within the queue.
 * Source: RocketMQ 5.5 DefaultMessageStore.getMessage, isMatchedByCommitLog.
 */
export async function readFiltered(
  scan: FilterScan,
  range: { minOffset: number; maxOffset: number },
): Promise<GetResult> {
  const { log, queue, request, limits, clock } = scan;
  const taken = new TakenRecords(request, limits, log.writtenOffset);
  const scanEnd = scanEndOf(request);
  const deadlineMs = clock.monotonicMs() + SCAN_MS;
  let diskBytes = 0;
  let nextOffset = request.queueOffset;
  while (nextOffset < scanEnd) {
    const block = entriesFrom(queue, nextOffset, Math.min(BLOCK_ENTRIES, scanEnd - nextOffset));
    if (block.count === 0) break;
    for (const run of runsOf(log, block.entries)) {
      const start = run[0]!.commitLogOffset;
      const byteCount = endOf(run.at(-1)!) - start;
      let bytes = log.readRecent(start, byteCount);
      if (bytes === undefined) {
        bytes = await log.read(start, byteCount);
        diskBytes += byteCount;
      }
      for (const entry of run) {
        const from = entry.commitLogOffset - start;
        const record = bytes?.subarray(from, from + entry.sizeBytes);
        if (record === undefined || !isRecordOf(record, entry)) {
          // What was read before the hole is a complete answer; the next request meets the hole first.
          return taken.count > 0
            ? taken.result(range, entry.queueOffset)
            : holeAt(log, queue, entry, range);
        }
        if (isWanted(record, scan.filter)) {
          if (!taken.add(record, entry)) return taken.result(range, entry.queueOffset);
          if (taken.isFull) return taken.result(range, entry.queueOffset + 1);
        }
        // After each: one record of many properties under a long filter may take as long as hundreds of others.
        if (clock.monotonicMs() >= deadlineMs) return taken.result(range, entry.queueOffset + 1);
      }
      if (diskBytes >= SCAN_DISK_BYTES) {
        return taken.result(range, run.at(-1)!.queueOffset + 1);
      }
    }
    nextOffset += block.count;
  }
  return taken.result(range, nextOffset);
}

/** The messages among up to `maxCount` entries; `count` has those that are none, too. */
function entriesFrom(
  queue: ConsumeQueue,
  queueOffset: number,
  maxCount: number,
): { entries: Wanted[]; count: number } {
  const bytes = queue.read(queueOffset, maxCount);
  const count = bytes.length / ENTRY_BYTES;
  const entries: Wanted[] = [];
  for (let index = 0; index < count; index++) {
    const entry = decodeEntry(bytes, index * ENTRY_BYTES);
    if (!isRealEntry(entry)) continue;
    const { commitLogOffset, sizeBytes } = entry;
    entries.push({ commitLogOffset, sizeBytes, queueOffset: queueOffset + index });
  }
  return { entries, count };
}

/** A record that cannot be read is the consumer's, who passes it over loudly: it is not for a filter to hide. */
function isWanted(record: Buffer, filter: Pick<PropertyFilter, 'matches'>): boolean {
  const properties = recordProperties(record);
  return properties === undefined || filter.matches(properties);
}

/** What one request has found so far, within its limits. */
class TakenRecords {
  readonly #request: GetRequest;
  readonly #limits: TransferLimits;
  /** What lies before is probably on disk only. */
  readonly #memoryFrom: number;
  readonly #buffers: Buffer[] = [];
  #bytes = 0;

  constructor(request: GetRequest, limits: TransferLimits, writtenOffset: number) {
    this.#request = request;
    this.#limits = limits;
    this.#memoryFrom = writtenOffset - limits.memoryBytes;
  }

  get count(): number {
    return this.#buffers.length;
  }

  get isFull(): boolean {
    return this.#buffers.length >= this.#request.maxCount;
  }

  /** False when there is no room. The first is taken whatever its size, or its reader could never get past it. */
  add(record: Buffer, { commitLogOffset, sizeBytes }: Wanted): boolean {
    const { maxBytes } = this.#request;
    const { maxCountOnDisk, maxBytesOnDisk } = this.#limits;
    const isOnDisk = commitLogOffset < this.#memoryFrom;
    const room = isOnDisk ? Math.min(maxBytes, maxBytesOnDisk) : maxBytes;
    const hasRoom =
      this.count === 0 ||
      (this.#bytes + sizeBytes <= room && !(isOnDisk && this.count >= maxCountOnDisk));
    if (!hasRoom) return false;
    this.#buffers.push(record);
    this.#bytes += sizeBytes;
    return true;
  }

  result(range: { minOffset: number; maxOffset: number }, nextBeginOffset: number): GetResult {
    const status = this.count === 0 ? 'NO_MATCHED_MESSAGE' : 'FOUND';
    return { ...range, status, buffers: this.#buffers, count: this.count, nextBeginOffset };
  }
}
