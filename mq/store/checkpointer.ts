import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { AbortFile } from './abort-file.ts';
import type { CommitLog } from './commit-log.ts';
import type { ConsumeQueues } from './consume-queues.ts';
import type { Files } from './files.ts';
import type { IndexCheckpoint } from './index-recovery.ts';
import type { LastRecord } from './recovery.ts';
import { writeCheckpoint } from './store-checkpoint.ts';

/** Saving takes at most one part in so many of the time, however many queues there are to flush. */
const PAUSE_PER_DURATION = 20;
/** As many as Node's thread pool runs; while the store serves, one, so that the CommitLog's fsync never queues. */
const QUEUES_AT_ONCE_AT_CLOSE = 4;

export interface CheckpointerOptions {
  files: Files;
  rootDir: string;
  clock: Clock;
  logger: Logger;
  log: CommitLog;
  queues: ConsumeQueues;
  abortFile: AbortFile;
  /** Flushes the CommitLog. Errors: the failure that stopped the store. */
  flushLog: () => Promise<void>;
  /** Flushes the index when that is due, and says how far it goes. Never rejects. */
  syncIndex: (isLast: boolean) => Promise<IndexCheckpoint>;
  /** The newest record that has its queue entry. */
  last: LastRecord | undefined;
  /** A save is due after so much more of the log. */
  intervalBytes: number;
}

/**
 * Moves the point recovery starts at, and keeps the notes for recovery in the abort file.
 *
 * Order: CommitLog, then ConsumeQueues, then the index, then the CommitLog as far as the index goes, then the checkpoint that
 *        vouches for all of them.
 */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #last: LastRecord | undefined;
  #savedAt: number;
  #notBeforeMs = 0;
  /** The save in the background. */
  #underWay: Promise<void> | undefined;
  /** Settles, and never rejects, when the last save that was asked for has been tried. */
  #lastTurn: Promise<void> = Promise.resolve();

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#last = options.last;
    this.#savedAt = options.last?.commitLogOffset ?? 0;
  }

  /** To be called for the newest of the records that were given their queue entries. */
  noteDispatched(last: LastRecord): void {
    this.#last = last;
    const { clock, intervalBytes } = this.#options;
    if (last.commitLogOffset - this.#savedAt < intervalBytes || this.#underWay !== undefined)
      return;
    if (clock.monotonicMs() >= this.#notBeforeMs) this.saveSoon();
  }

  /** Saves in the background. What cannot be saved now is saved later; recovery then has more to read. */
  saveSoon(): void {
    this.#underWay ??= this.#inTurn(() => this.#save(1, false))
      .catch((cause: unknown) => {
        this.#options.logger.error('the store checkpoint cannot be saved', { cause });
      })
      .finally(() => {
        this.#underWay = undefined;
      });
  }

  /**
   * Makes the deletion of a topic safe: recovery will not give its records their entries back.
   *
   * Order: before its queues are removed, and after the last of its records was dispatched.
   */
  forgetTopic(topic: string): Promise<void> {
    return this.#inTurn(() => {
      if (this.#last?.topic === topic) this.#last = { ...this.#last, isTopicDeleted: true };
      return this.#save(1, false);
    });
  }

  /** The last save: afterwards nothing is left to recover. Errors: what the disk says; the abort file stays then. */
  async close(): Promise<void> {
    const { abortFile, files, rootDir } = this.#options;
    await this.#inTurn(() => this.#save(QUEUES_AT_ONCE_AT_CLOSE, true));
    abortFile.remove();
    await files.syncDirectory(rootDir);
  }

  /** One save at a time: of two at once, one would vouch for entries that the other is still flushing. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#lastTurn.then(work);
    this.#lastTurn = turn.catch(() => undefined);
    return turn;
  }

  async #save(queuesAtOnce: number, isLast: boolean): Promise<void> {
    const { files, rootDir, clock, queues, flushLog, syncIndex } = this.#options;
    const startedMs = clock.monotonicMs();
    const last = this.#last;
    this.#savedAt = last?.commitLogOffset ?? 0;
    await flushLog();
    try {
      await queues.sync(queuesAtOnce);
    } catch (error) {
      if (queues.isUnreliable) await this.#writeNote(true, last);
      throw error;
    }
    const index = await syncIndex(isLast);
    // ASYNC_FLUSH: the index has messages of after the first flush. Vouched for, it must not be ahead of the log.
    await flushLog();
    if (last !== undefined) {
      await writeCheckpoint(files, rootDir, {
        physicMsgTimestamp: last.storeTimestamp,
        logicsMsgTimestamp: last.storeTimestamp,
        index,
        recoverFrom: last.commitLogOffset,
        isTopicDeleted: last.isTopicDeleted,
        isRebuilding: false,
      });
    }
    await this.#writeNote(false, last);
    const endedMs = clock.monotonicMs();
    this.#notBeforeMs = endedMs + PAUSE_PER_DURATION * (endedMs - startedMs);
  }

  /** The log must be flushed up to and including its last record. */
  async #writeNote(rebuildQueues: boolean, last: LastRecord | undefined): Promise<void> {
    const { abortFile } = this.#options;
    try {
      abortFile.write({ rebuildQueues, flushedTo: last?.commitLogOffset });
      await abortFile.sync();
    } catch (cause) {
      // The disk that failed may fail again. Without the note recovery still finds all that was flushed.
      this.#options.logger.error('the abort file cannot be written', { cause });
    }
  }
}
