import path from 'node:path';
import { writeInt64 } from '../protocol/bytes.ts';
import { readPage, rewritePage } from './checkpoint-page.ts';
import type { Files } from './files.ts';

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
  const page = readPage(files, checkpointPath(rootDir));
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
  files.makeDirectory(path.dirname(file));
  await rewritePage(files, file, (page) => {
    writeInt64(page, checkpoint.lastReadTimeMs, 0);
    writeInt64(page, 0, 8);
    writeInt64(page, checkpoint.lastTimerQueueOffset, 16);
    writeInt64(page, checkpoint.masterTimerQueueOffset, 24);
  });
}
