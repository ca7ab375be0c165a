import path from 'node:path';
import { writeInt64 } from '../protocol/message.ts';
import type { Files } from './files.ts';

/** One page, as the original maps it. */
const CHECKPOINT_BYTES = 4096;

/**
 * How far timers have been delivered, for an original that opens the directory, and from one that had it open.
 *
 *      0 int64 lastReadTimeMs           what was due by then is delivered
 *      8 int64 lastTimerLogFlushPos     of a file that only the original has
 *     16 int64 lastTimerQueueOffset     the original reads rmq_sys_wheel_timer from here on
 *     24 int64 masterTimerQueueOffset   entries from here on were not looked at yet
 *     32 …                              a DataVersion, which we leave as it is
 *
 * Source: RocketMQ 5.3 TimerCheckpoint.java, TimerMessageStore.recover.
 */
export interface TimerCheckpoint {
  readonly lastReadTimeMs: number;
  readonly lastTimerQueueOffset: number;
  readonly masterTimerQueueOffset: number;
}

function checkpointPath(rootDir: string): string {
  return path.join(rootDir, 'config', 'timercheck');
}

/** Undefined when there is none, or it says impossible things. */
export function readTimerCheckpoint(files: Files, rootDir: string): TimerCheckpoint | undefined {
  const page = readPage(files, rootDir);
  if (page === undefined) return undefined;
  const [lastReadTimeMs, , lastTimerQueueOffset, masterTimerQueueOffset] = [0, 8, 16, 24].map(
    (at) => Number(page.readBigInt64BE(at)),
  ) as [number, number, number, number];
  const values = [lastReadTimeMs, lastTimerQueueOffset, masterTimerQueueOffset];
  if (values.some((value) => value < 0 || !Number.isSafeInteger(value))) return undefined;
  return { lastReadTimeMs, lastTimerQueueOffset, masterTimerQueueOffset };
}

/** Errors: what the disk says. */
export async function writeTimerCheckpoint(
  files: Files,
  rootDir: string,
  checkpoint: TimerCheckpoint,
): Promise<void> {
  const file = checkpointPath(rootDir);
  const isNew = files.sizeOf(file) === undefined;
  const page = readPage(files, rootDir) ?? Buffer.alloc(CHECKPOINT_BYTES);
  writeInt64(page, checkpoint.lastReadTimeMs, 0);
  writeInt64(page, 0, 8);
  writeInt64(page, checkpoint.lastTimerQueueOffset, 16);
  writeInt64(page, checkpoint.masterTimerQueueOffset, 24);
  files.makeDirectory(path.dirname(file));
  const open = files.open(file, 'write');
  try {
    for (let at = 0; at < page.length;) at += open.write(page.subarray(at), at);
    await open.datasync();
  } finally {
    open.close();
  }
  if (isNew) await files.syncDirectory(path.dirname(file));
}

function readPage(files: Files, rootDir: string): Buffer | undefined {
  const file = checkpointPath(rootDir);
  if ((files.sizeOf(file) ?? 0) < CHECKPOINT_BYTES) return undefined;
  const open = files.open(file, 'read');
  try {
    const page = Buffer.alloc(CHECKPOINT_BYTES);
    for (let at = 0; at < page.length;) {
      const count = open.readSync(page.subarray(at), at);
      if (count === 0) return undefined;
      at += count;
    }
    return page;
  } finally {
    open.close();
  }
}
