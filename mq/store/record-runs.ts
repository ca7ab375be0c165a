import type { CommitLog } from './commit-log.ts';
import type { ConsumeQueue } from './consume-queue.ts';
import type { GetResult } from './get-request.ts';

/** Largest stretch fetched by one read. */
const RUN_BYTES = 256 * 1024;
/** What lies between two records that are fetched by one read: to copy so much costs a tenth of another read. */
const GAP_BYTES = 16 * 1024;

/** A record to be read: what the ConsumeQueue says of it. */
export interface Wanted {
  commitLogOffset: number;
  sizeBytes: number;
  queueOffset: number;
}

export function endOf(wanted: Wanted): number {
  return wanted.commitLogOffset + wanted.sizeBytes;
}

/** Records close together are fetched by one read: those of a topic's other queues, which lie between, are passed over. */
export function runsOf(
  log: Pick<CommitLog, 'nextSegmentStart'>,
  wanted: readonly Wanted[],
): Wanted[][] {
  const runs: Wanted[][] = [];
  let run: Wanted[] = [];
  for (const each of wanted) {
    const first = run[0];
    const last = run.at(-1);
    const gap = last === undefined ? 0 : each.commitLogOffset - endOf(last);
    const joins =
      first !== undefined &&
      gap >= 0 &&
      gap <= GAP_BYTES &&
      endOf(each) - first.commitLogOffset <= RUN_BYTES &&
      endOf(each) <= log.nextSegmentStart(first.commitLogOffset);
    if (!joins) {
      run = [];
      runs.push(run);
    }
    run.push(each);
  }
  return runs;
}

/** Size and position, as the entry says: anything else there is not the message. */
export function isRecordOf(record: Buffer, wanted: Wanted): boolean {
  return (
    record.length === wanted.sizeBytes &&
    record.readInt32BE(0) === wanted.sizeBytes &&
    record.readInt32BE(28) === Math.floor(wanted.commitLogOffset / 0x100000000) &&
    record.readUInt32BE(32) === wanted.commitLogOffset >>> 0
  );
}

/**
 * Nothing readable where the entry points. Where it was removed meanwhile, reading goes on behind the gap; where it is
 * damaged, with the next message: one damaged length must not hide the rest of a segment, as it does in the original.
 */
export function holeAt(
  log: CommitLog,
  queue: ConsumeQueue,
  hole: Wanted,
  range: { minOffset: number; maxOffset: number },
): GetResult {
  const nothing = { ...range, buffers: [], count: 0 };
  const next = hole.queueOffset + 1;
  if (hole.commitLogOffset >= log.minOffset) {
    return { ...nothing, status: 'OFFSET_FOUND_NULL', nextBeginOffset: next };
  }
  const nextBeginOffset = queue.firstWhere(next, (entry) => entry.commitLogOffset >= log.minOffset);
  return { ...nothing, status: 'MESSAGE_WAS_REMOVING', nextBeginOffset };
}
