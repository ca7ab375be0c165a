import type { CommitLog } from './commit-log.ts';
import type { ConsumeQueue, QueueEntry } from './consume-queue.ts';
import { storeTimeAt } from './record-reader.ts';

/**
 * Which entry of a queue a time stands for. LOWER: the first stored at that time or later, or the end of the queue.
 * UPPER: the last stored at that time or earlier, or the first entry. So `[LOWER of begin, UPPER of end]` are the entries
 * of a range of time.
 */
export type BoundaryType = 'LOWER' | 'UPPER';

/** Each look beyond a boundary goes farther by this factor than the one before. */
const LOOK_FACTOR = 1.5;

/**
 * The entry a time stands for, to the millisecond; 0 in a queue that never held anything.
 *
 * A clock that was set back makes times come twice, and then there are several such boundaries. Of those the outermost
 * is looked for, LOWER the first and UPPER the last, so that no message of that time is left out. It is found if, between
 * it and the next one, those on its side of the time are at least half as many as the others.
 *
 * Source: RocketMQ 5.5 ConsumeQueue.getOffsetInQueueByTime, BoundaryType.
 */
export function queueOffsetByTime(
  log: CommitLog,
  queue: ConsumeQueue | undefined,
  timestampMs: number,
  boundary: BoundaryType = 'LOWER',
): number {
  if (queue === undefined) return 0;
  const min = queue.minOffset(log.minOffset);
  const max = queue.maxOffset;
  const timeOf = (entry: QueueEntry): number => storeTimeAt(log, entry.commitLogOffset);
  const isBeyond =
    boundary === 'LOWER'
      ? (entry: QueueEntry): boolean => timeOf(entry) >= timestampMs
      : (entry: QueueEntry): boolean => timeOf(entry) > timestampMs;
  const first = queue.firstWhere(min, isBeyond);
  if (boundary === 'LOWER') return lookBack(queue, min, first, isBeyond);
  return Math.max(min, lookAhead(queue, first, max, isBeyond) - 1);
}

/** The first boundary that looking back from `from` finds: `holds` there, and not right before. */
function lookBack(
  queue: ConsumeQueue,
  min: number,
  from: number,
  holds: (entry: QueueEntry) => boolean,
): number {
  let found = from;
  for (let step = 1; found - step >= min; step = nextStep(step)) {
    if (!holds(queue.readEntry(found - step)!)) continue;
    found = queue.firstWhere(min, holds, found - step);
    step = 1;
  }
  return found;
}

/** The last boundary that looking ahead from `from` finds. */
function lookAhead(
  queue: ConsumeQueue,
  from: number,
  max: number,
  holds: (entry: QueueEntry) => boolean,
): number {
  let found = from;
  for (let step = 1; found + step < max; step = nextStep(step)) {
    if (holds(queue.readEntry(found + step)!)) continue;
    found = queue.firstWhere(found + step + 1, holds);
    step = 1;
  }
  return found;
}

function nextStep(step: number): number {
  return Math.ceil(step * LOOK_FACTOR);
}
