import { LogScanner } from './log-scanner.ts';
import type { SegmentFile } from './segment-file.ts';

const WINDOW_BYTES = 1024 * 1024;
/** What the magic numbers of both versions of a record have in common. */
const MAGIC_BEGINNING = Buffer.from([0xda, 0xa3, 0x20]);
const MAGIC_AT = 4;
const OFFSET_AT = 28;
/** Up to the end of a record's own commitLogOffset. */
const PREFIX_BYTES = 36;
/** The last page, and what a file system needs for itself. */
const SLACK_BYTES = 16 * 1024;
/** Searched in any case: what is written and not flushed lies closer together. */
const NEAR_BYTES = 64 * 1024 * 1024;

/** Damage in the CommitLog that recovery found, with whole messages behind it. */
export interface LogDamage {
  /** The first byte that is of no whole record. */
  readonly commitLogOffset: number;
  readonly segment: string;
  /** Whole messages behind it, in its segment. */
  readonly messageCount: number;
  /** Where its segment, and whole segments behind that, can be found now. */
  readonly quarantined: readonly string[];
  /** The log goes on here. */
  readonly endOffset: number;
}

/**
 * Whole records of a segment at or behind `offset`, wherever they begin. Where the file takes no more room on the disk than
 * what lies before needs, only the next 64 MiB are searched: to read a gibibyte of nothing takes most of a second.
 */
export async function countRecordsFrom(segment: SegmentFile, offset: number): Promise<number> {
  return (await recordsFrom(segment, offset)).count;
}

/** Where the last whole record of a log begins, whatever lies before it. */
export async function findLastRecord(
  segments: readonly SegmentFile[],
): Promise<number | undefined> {
  for (const segment of segments.toReversed()) {
    const { lastOffset } = await recordsFrom(segment, segment.baseOffset);
    if (lastOffset !== undefined) return lastOffset;
  }
  return undefined;
}

async function recordsFrom(
  segment: SegmentFile,
  offset: number,
): Promise<{ count: number; lastOffset: number | undefined }> {
  const position = offset - segment.baseOffset;
  const isEmptyBehind = segment.allocatedBytes <= position + SLACK_BYTES;
  const searchEnd = isEmptyBehind
    ? Math.min(segment.sizeBytes, position + NEAR_BYTES)
    : segment.sizeBytes;
  let count = 0;
  let lastOffset: number | undefined;
  let from = offset;
  for (;;) {
    const start = await findRecord(segment, from, searchEnd);
    if (start === undefined) return { count, lastOffset };
    const scanner = new LogScanner(segment, start);
    for (let record = await scanner.next(); record !== undefined; record = await scanner.next()) {
      lastOffset = record.header.commitLogOffset;
      count++;
    }
    from = scanner.offset + 1;
  }
}

/** The first whole record that begins at or behind `offset`. It may be in the body of none that says where it lies itself. */
export async function findRecord(
  segment: SegmentFile,
  offset: number,
  searchEnd = segment.sizeBytes,
): Promise<number | undefined> {
  const { baseOffset } = segment;
  let at = offset - baseOffset;
  while (at + PREFIX_BYTES <= searchEnd) {
    const window = await segment.read(at, Math.min(WINDOW_BYTES, searchEnd - at));
    const last = window.length - PREFIX_BYTES;
    let magicAt = window.indexOf(MAGIC_BEGINNING, MAGIC_AT);
    for (; magicAt >= 0; magicAt = window.indexOf(MAGIC_BEGINNING, magicAt + 1)) {
      const inWindow = magicAt - MAGIC_AT;
      if (inWindow > last) break;
      const start = baseOffset + at + inWindow;
      // Before anything is read for it: a body may be full of magic numbers.
      if (window.readBigInt64BE(inWindow + OFFSET_AT) !== BigInt(start)) continue;
      if ((await new LogScanner(segment, start).next()) !== undefined) return start;
    }
    at += last + 1;
  }
  return undefined;
}
