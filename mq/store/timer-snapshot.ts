import { crc32 } from 'node:zlib';
import path from 'node:path';
import type { Files } from './files.ts';

/** Timers as pairs: when each is due and its queueOffset in rmq_sys_wheel_timer. */
export interface TimerPairs {
  readonly dueMs: Float64Array;
  readonly queueOffsets: Float64Array;
}

/** Every timer that waits, at one moment. */
export interface TimerSnapshot {
  /** The journals of this generation and later ones say what was delivered since. */
  readonly generation: number;
  /** Every entry of the queue below is in the snapshot, or done. */
  readonly nextQueueOffset: number;
  /** What the steady clock showed. */
  readonly steadyMs: number;
  readonly relative: TimerPairs;
  readonly absolute: TimerPairs;
  /** Where the recalls are that may still meet their message. */
  readonly recalls: Float64Array;
}

const MAGIC = 0x4d494c4c_5401;
const HEADER_COUNT = 8;
const CRC_AT = 7 * Float64Array.BYTES_PER_ELEMENT;
/** Written at a time, so that a large snapshot does not hold up the event loop. */
const CHUNK_BYTES = 1024 * 1024;

/**
 * The bytes of a snapshot: float64 in this machine's order, 16 bytes a timer.
 *
 *      0 magic             one of the other byte order reads as another number
 *      8 generation
 *     16 nextQueueOffset
 *     24 steadyMs
 *     32 relative, 40 absolute, 48 recall count
 *     56 CRC-32 of everything else
 *     64 relative dueMs …, queueOffsets …, the absolute ones alike, queueOffsets of recalls …
 */
export function encodeTimerSnapshot(snapshot: TimerSnapshot): Buffer {
  const { relative, absolute, recalls } = snapshot;
  const parts = [
    relative.dueMs,
    relative.queueOffsets,
    absolute.dueMs,
    absolute.queueOffsets,
    recalls,
  ];
  const count = parts.reduce((sum, part) => sum + part.length, HEADER_COUNT);
  const numbers = new Float64Array(count);
  numbers.set([
    MAGIC,
    snapshot.generation,
    snapshot.nextQueueOffset,
    snapshot.steadyMs,
    relative.dueMs.length,
    absolute.dueMs.length,
    recalls.length,
  ]);
  let at = HEADER_COUNT;
  for (const part of parts) {
    numbers.set(part, at);
    at += part.length;
  }
  const bytes = Buffer.from(numbers.buffer);
  numbers[HEADER_COUNT - 1] = crcOf(bytes);
  return bytes;
}

/** Undefined for anything that is not a whole snapshot. The arrays are views of one copy. */
export function decodeTimerSnapshot(bytes: Buffer): TimerSnapshot | undefined {
  if (bytes.length % Float64Array.BYTES_PER_ELEMENT !== 0) return undefined;
  const numbers = new Float64Array(new Uint8Array(bytes).buffer);
  if (numbers.length < HEADER_COUNT || numbers[0] !== MAGIC) return undefined;
  const [, generation, nextQueueOffset, steadyMs, relativeCount, absoluteCount, recallCount, crc] =
    numbers as unknown as [number, number, number, number, number, number, number, number];
  const total = HEADER_COUNT + 2 * relativeCount + 2 * absoluteCount + recallCount;
  if (total !== numbers.length || crc !== crcOf(bytes)) return undefined;
  let at = HEADER_COUNT;
  const next = (count: number): Float64Array => numbers.subarray(at, (at += count));
  return {
    generation,
    nextQueueOffset,
    steadyMs,
    relative: { dueMs: next(relativeCount), queueOffsets: next(relativeCount) },
    absolute: { dueMs: next(absoluteCount), queueOffsets: next(absoluteCount) },
    recalls: next(recallCount),
  };
}

function crcOf(bytes: Buffer): number {
  return crc32(
    bytes.subarray(CRC_AT + Float64Array.BYTES_PER_ELEMENT),
    crc32(bytes.subarray(0, CRC_AT)),
  );
}

export function timerSnapshotPath(directory: string): string {
  return path.join(directory, 'snapshot');
}

/** Undefined when there is none, or what is there is damaged. */
export function readTimerSnapshot(files: Files, directory: string): TimerSnapshot | undefined {
  const file = timerSnapshotPath(directory);
  const size = files.sizeOf(file);
  if (size === undefined) return undefined;
  const open = files.open(file, 'read');
  try {
    const bytes = Buffer.alloc(size);
    for (let at = 0; at < size;) {
      const count = open.readSync(bytes.subarray(at), at);
      if (count === 0) return undefined;
      at += count;
    }
    return decodeTimerSnapshot(bytes);
  } finally {
    open.close();
  }
}

/** Replaces the snapshot. A crash at any point leaves the old one or the new one. Errors: what the disk says. */
export async function writeTimerSnapshot(
  files: Files,
  directory: string,
  bytes: Buffer,
): Promise<void> {
  const fresh = `${timerSnapshotPath(directory)}.tmp`;
  const open = files.open(fresh, 'write');
  try {
    open.truncate(0);
    for (let at = 0; at < bytes.length;) {
      at += open.write(bytes.subarray(at, at + CHUNK_BYTES), at);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await open.datasync();
  } finally {
    open.close();
  }
  files.rename(fresh, timerSnapshotPath(directory));
  await files.syncDirectory(directory);
}
