import type { AbortNote } from './abort-file.ts';
import { findLastRecord } from './damage.ts';
import type { Files } from './files.ts';
import { LogScanner } from './log-scanner.ts';
import { isOwnStore } from './quarantine.ts';
import type { SegmentFile } from './segment-file.ts';
import { flushedBefore, type StoreCheckpoint } from './store-checkpoint.ts';

/** How many segments a cleanly closed store without our hint is scanned from the end, as the original does. */
const CLEAN_SCAN_SEGMENTS = 3;

/** What the last run left word of, and whether the ConsumeQueues are there. */
export interface LeftWord {
  files: Files;
  rootDir: string;
  checkpoint: StoreCheckpoint | undefined;
  /** Undefined when the last run closed the store. */
  aborted: AbortNote | undefined;
  queues: { readonly wasMissing: boolean };
}

export interface RecoveryStart {
  offset: number;
  /** All of the log before it is known to be flushed, by the checkpoint's hint or, which a clock may mislead, its timestamps. */
  flushedOffset: number;
  /**
   * Up to and including the record at this offset the log was flushed, and nothing there can be torn; undefined where nobody said
   * so. The record itself may be damaged, or gone.
   */
  vouchedOffset: number | undefined;
  /** The topic of the first record was deleted: it is to get no entry. */
  isForgotten: boolean;
  isFromHint: boolean;
  isRebuild: boolean;
}

/** Where recovery starts, and what it may rely on. Changes nothing. */
export async function chooseStart(
  left: LeftWord,
  segments: readonly SegmentFile[],
): Promise<RecoveryStart> {
  const { queues, checkpoint, aborted } = left;
  const first = segments[0];
  const unsure = { isForgotten: false, isFromHint: false, isRebuild: false };
  if (first === undefined) {
    // Whoever has removed the log may have left what vouches for it.
    const vouchedOffset = await vouchedFor(left, segments, undefined);
    return { ...unsure, offset: 0, flushedOffset: 0, vouchedOffset };
  }
  const hint = await validHint(left, segments);
  // A store that was closed is flushed: nothing is asked of its segments.
  const flushedOffset =
    hint ?? (aborted === undefined ? first.baseOffset : await flushedByTime(left, segments));
  const known = { flushedOffset, vouchedOffset: await vouchedFor(left, segments, hint) };
  const isRebuild = aborted?.rebuildQueues === true || checkpoint?.isRebuilding === true;
  if (isRebuild || queues.wasMissing) {
    return { ...unsure, ...known, offset: first.baseOffset, isRebuild: true };
  }
  if (hint !== undefined) {
    const isForgotten = checkpoint?.isTopicDeleted === true;
    return { ...known, offset: hint, isForgotten, isFromHint: true, isRebuild: false };
  }
  if (aborted === undefined) {
    const segment = segments[Math.max(0, segments.length - CLEAN_SCAN_SEGMENTS)]!;
    return { ...unsure, ...known, offset: segment.baseOffset };
  }
  return { ...unsure, ...known, offset: flushedOffset };
}

async function validHint(
  { checkpoint }: LeftWord,
  segments: readonly SegmentFile[],
): Promise<number | undefined> {
  const hint = checkpoint?.recoverFrom;
  return hint !== undefined && (await isRecordAt(segments, hint)) ? hint : undefined;
}

async function isRecordAt(segments: readonly SegmentFile[], offset: number): Promise<boolean> {
  const segment = segments.find(
    ({ baseOffset, sizeBytes }) => offset >= baseOffset && offset < baseOffset + sizeBytes,
  );
  return segment !== undefined && (await new LogScanner(segment, offset).next()) !== undefined;
}

/**
 * Each of these is right, if it is there at all: the checkpoint's hint, though its record be damaged; the note that was left for the
 * case that the checkpoint is; and of a store that was closed, all that it has. But not of an original's: where it cuts its log,
 * it leaves what was behind, and writes over that.
 */
async function vouchedFor(
  { files, rootDir, checkpoint, aborted }: LeftWord,
  segments: readonly SegmentFile[],
  hint: number | undefined,
): Promise<number | undefined> {
  const isAllFlushed = aborted === undefined && hint === undefined && isOwnStore(files, rootDir);
  const known = [
    checkpoint?.recoverFrom,
    aborted?.flushedTo,
    isAllFlushed ? await findLastRecord(segments) : undefined,
  ].filter((offset) => offset !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

/** The start of the last of those first segments that begin with a record old enough by the checkpoint's timestamps. */
async function flushedByTime(
  { checkpoint }: LeftWord,
  segments: readonly SegmentFile[],
): Promise<number> {
  const flushedUntil = checkpoint === undefined ? 0 : flushedBefore(checkpoint);
  let offset = segments[0]!.baseOffset;
  for (const segment of segments) {
    const record = await new LogScanner(segment, segment.baseOffset).next();
    // A later one may look older, where the clock was set back.
    if (record === undefined || record.header.storeTimestamp > flushedUntil) break;
    offset = segment.baseOffset;
  }
  return offset;
}
