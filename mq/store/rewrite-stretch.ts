import type { SegmentFile } from './segment-file.ts';

const REWRITE_BYTES = 1024 * 1024;
const ZERO_PAGE = Buffer.alloc(4096);

/**
 * Writes each byte of `[from, to)`, positions in the file that may lie outside of it, over itself, so that the next sync flushes
 * it whatever became of an earlier one; but zeros, which are no other without it, and may be holes that a full disk cannot fill.
 */
export async function rewriteStretch(
  segment: SegmentFile,
  from: number,
  to: number,
): Promise<void> {
  const end = Math.min(to, segment.sizeBytes);
  let position = Math.max(0, from);
  while (position < end) {
    const bytes = await segment.read(position, Math.min(REWRITE_BYTES, end - position));
    for (const { from: start, to: stop } of nonZeroRuns(bytes)) {
      segment.write(bytes.subarray(start, stop), position + start);
    }
    position += bytes.length;
  }
}

/** Stretches of pages that are not all zeros. */
function* nonZeroRuns(bytes: Buffer): Generator<{ from: number; to: number }> {
  let from: number | undefined;
  for (let at = 0; at < bytes.length; at += ZERO_PAGE.length) {
    const page = bytes.subarray(at, at + ZERO_PAGE.length);
    const isZero = page.equals(ZERO_PAGE.subarray(0, page.length));
    if (!isZero) from ??= at;
    else if (from !== undefined) yield { from, to: at };
    if (isZero) from = undefined;
  }
  if (from !== undefined) yield { from, to: bytes.length };
}
