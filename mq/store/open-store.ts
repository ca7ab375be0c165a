import path from 'node:path';
import { AbortFile, type AbortNote } from './abort-file.ts';
import { CommitLog, commitLogDirectory } from './commit-log.ts';
import { ConsumeQueues } from './consume-queues.ts';
import { MessageIndex } from './message-index.ts';
import { quarantineDirectory } from './quarantine.ts';
import { recover, type Recovered } from './recovery.ts';
import { NO_INDEX, readCheckpoint } from './store-checkpoint.ts';
import type { IndexCheckpoint } from './index-recovery.ts';
import type { StoreSettings } from './store-options.ts';

/** What a store is made of, recovered and in agreement; nothing is served from it yet. */
export interface StoreParts {
  settings: StoreSettings;
  log: CommitLog;
  queues: ConsumeQueues;
  recovered: Recovered;
  indexCheckpoint: IndexCheckpoint;
  abortFile: AbortFile;
  /** What the last run left word of; undefined when it closed the store. */
  aborted: AbortNote | undefined;
  openedInMs: number;
  unlock: () => void;
}

/**
 * Takes the lock of a store's directory, which is created if need be, and recovers what is in it.
 *
 * Errors: STORE_FAILED when another process has it open or a part is missing; what the disk says. Nothing stays open then.
 */
export async function openParts(settings: StoreSettings): Promise<StoreParts> {
  const { files, rootDir, clock, logger } = settings;
  const startedAt = clock.monotonicMs();
  const isNew = !files.listDirectories(rootDir).includes('commitlog');
  files.makeDirectory(commitLogDirectory(rootDir));
  // While there is room: the disk may be full when it is needed.
  if (isNew) files.makeDirectory(quarantineDirectory(rootDir));
  const unlock = files.lock(path.join(rootDir, 'lock'));
  let queues: ConsumeQueues | undefined;
  let log: CommitLog | undefined;
  try {
    const abortFile = new AbortFile(files, rootDir);
    const aborted = abortFile.read();
    queues = new ConsumeQueues({
      files,
      rootDir,
      entriesPerFile: settings.consumeQueueEntriesPerFile,
      clock,
      logger,
      writeIntervalMs: settings.consumeQueueWriteIntervalMs,
    });
    const { commitLogSegmentBytes: segmentBytes, recentBytes, delayLevelsMs } = settings;
    const checkpoint = readCheckpoint(files, rootDir);
    const recovered = await recover({
      files,
      rootDir,
      segmentBytes,
      delayLevelsMs,
      queues,
      checkpoint,
      abortFile,
      aborted,
      logger,
    });
    queues.makeDirectory();
    const directory = commitLogDirectory(rootDir);
    log = new CommitLog(
      { files, directory, segmentBytes, recentBytes },
      recovered.segments,
      recovered.endOffset,
    );
    // Before anything recovered is served, and before the name `abort` is relied on.
    await log.sync();
    await abortFile.sync();
    await files.syncDirectory(rootDir);
    const openedInMs = clock.monotonicMs() - startedAt;
    const indexCheckpoint = checkpoint?.index ?? NO_INDEX;
    return {
      settings,
      log,
      queues,
      recovered,
      indexCheckpoint,
      abortFile,
      aborted,
      openedInMs,
      unlock,
    };
  } catch (error) {
    await closeParts({ queues, log, unlock });
    throw error;
  }
}

export async function closeParts(parts: {
  queues: ConsumeQueues | undefined;
  log: CommitLog | undefined;
  unlock: () => void;
}): Promise<void> {
  await parts.queues?.close();
  parts.log?.close();
  parts.unlock();
}

/** The index of a store, undefined when it is to have none. Errors: what the disk says. */
export function indexOf(parts: StoreParts, confirmOffset: () => number): MessageIndex | undefined {
  const { settings, log, recovered, indexCheckpoint: checkpoint, aborted } = parts;
  if (!settings.messageIndexEnable) return undefined;
  const { files, rootDir, clock, logger } = settings;
  return new MessageIndex({
    files,
    rootDir,
    sizes: settings,
    clock,
    logger,
    log,
    confirmOffset,
    endOffset: recovered.recordsEndOffset,
    recordStarts: [recovered.startOffset, recovered.endOffset],
    checkpoint,
    wasAborted: aborted !== undefined,
  });
}
