import type { Clock, TimerHandle } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { Files } from '../store/files.ts';
import type { MessageStore } from '../store/message-store.ts';
import { writeTimerCheckpoint } from '../store/timer-checkpoint.ts';
import {
  removeTimerJournal,
  timerJournals,
  TimerJournal,
  type TimerDone,
} from '../store/timer-journal.ts';
import {
  encodeTimerSnapshot,
  writeTimerSnapshot,
  type TimerSnapshot,
} from '../store/timer-snapshot.ts';
import { removeOriginalTimers, timersDirectory } from './timer-recovery.ts';

/** A snapshot is due after so many changes, or when as many have changed as a quarter of what waits. */
const CHANGES_PER_SNAPSHOT = 65_536;
/** What a power cut may take from the journal. */
const SYNC_AFTER_MS = 1_000;
const RETRY_AFTER_MS = 1_000;

export interface TimerProgressDeps {
  readonly store: MessageStore;
  readonly files: Files;
  readonly rootDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What is to be in the snapshot; called when its moment has come. */
  readonly capture: () => Omit<TimerSnapshot, 'generation'>;
  /**
   * What waits is not due before that, in ms; Infinity when nothing waits, undefined when that cannot be said. Read at
   * the same moment.
   */
  readonly firstDueMs: () => number | undefined;
}

/**
 * What is done, made to survive: a journal of it, and now and then a snapshot that makes the journal superfluous.
 *
 * Order: a snapshot is written after the CommitLog was flushed up to its moment, so that it never knows of a delivery
 *        that a power cut undid. A journal's entries are compared with the CommitLog when they are read.
 */
export class TimerProgress {
  readonly #deps: TimerProgressDeps;
  readonly #directory: string;
  #journal: TimerJournal;
  /** Parked since the last snapshot. */
  #parkedCount = 0;
  #timer: TimerHandle | undefined;
  /** Never rejects. */
  #syncing: Promise<void> = Promise.resolve();
  #saving: Promise<void> | undefined;
  #retryAtMs = 0;
  #isClosed = false;

  constructor(deps: TimerProgressDeps, generation: number) {
    this.#deps = deps;
    this.#directory = timersDirectory(deps.rootDir);
    this.#journal = new TimerJournal(deps.files, this.#directory, generation);
  }

  notePark(): void {
    this.#parkedCount++;
  }

  /** Reaches the kernel with the next `write`. */
  noteDone(done: TimerDone): void {
    this.#journal.add(done);
  }

  /** Reaches the kernel with the next `write`. */
  noteSteady(steadyMs: number): void {
    this.#journal.addSteady(steadyMs);
  }

  /** To be called after each batch. What the disk refuses is kept and logged: a crash before it is written repeats it. */
  write(waitingCount: number): void {
    try {
      this.#journal.write();
    } catch (cause) {
      this.#deps.logger.error('the journal of delivered timers cannot be written', { cause });
    }
    const changes = this.#journal.entryCount + this.#parkedCount;
    if (changes >= Math.max(CHANGES_PER_SNAPSHOT, waitingCount / 4)) this.saveSoon();
    if (this.#journal.isDirty) this.#syncSoon();
  }

  /** Begins a snapshot, unless one is being written or the last one failed just now. */
  saveSoon(): void {
    if (this.#isClosed || this.#saving !== undefined) return;
    if (this.#deps.clock.monotonicMs() < this.#retryAtMs) return;
    this.save().catch((cause: unknown) => {
      this.#retryAtMs = this.#deps.clock.monotonicMs() + RETRY_AFTER_MS;
      this.#deps.logger.error('the snapshot of waiting timers was not saved', { cause });
    });
  }

  /** Writes a snapshot, or waits for the one being written. Errors: what the disk says. */
  save(): Promise<void> {
    this.#saving ??= this.#save().finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  /** Nothing may be noted any more. A disk that takes no snapshot does not keep the broker from closing. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const { clock } = this.#deps;
    clock.clearTimeout(this.#timer);
    await this.#saving?.catch(() => undefined);
    await this.#syncing;
    try {
      if (this.#journal.entryCount + this.#parkedCount > 0) await this.save();
    } catch (cause) {
      this.#deps.logger.error('waiting timers were not saved at close; the journal has them', {
        cause,
      });
    } finally {
      await this.#syncJournal();
      this.#journal.close();
    }
  }

  async #save(): Promise<void> {
    const { store, files, rootDir, clock, capture, firstDueMs } = this.#deps;
    const before = this.#journal;
    const parkedBefore = this.#parkedCount;
    // From here to the change of journals nothing may wait: it is the snapshot's moment.
    before.write();
    const generation = before.generation + 1;
    const snapshot = { ...capture(), generation };
    const bytes = encodeTimerSnapshot(snapshot);
    const dueMs = firstDueMs();
    const checkpoint = dueMs !== undefined && {
      lastReadTimeMs: wholeSeconds(Math.min(dueMs - 1, clock.now())),
      lastTimerQueueOffset: firstQueueOffset(snapshot),
      masterTimerQueueOffset: snapshot.nextQueueOffset,
    };
    this.#journal = new TimerJournal(files, this.#directory, generation);
    await this.#syncing;
    // Nobody comes back to it, and it counts for as long as there is no snapshot.
    await this.#syncJournal(before);
    before.close();
    await store.flush();
    files.makeDirectory(this.#directory);
    await writeTimerSnapshot(files, this.#directory, bytes);
    await files.syncDirectory(rootDir);
    this.#parkedCount -= parkedBefore;
    if (checkpoint !== false) await writeTimerCheckpoint(files, rootDir, checkpoint);
    for (const each of timerJournals(files, this.#directory)) {
      if (each < generation) removeTimerJournal(files, this.#directory, each);
    }
    removeOriginalTimers(files, rootDir);
  }

  #syncSoon(): void {
    if (this.#isClosed) return;
    this.#timer ??= this.#deps.clock.setTimeout(() => {
      this.#timer = undefined;
      this.#syncing = this.#syncJournal();
    }, SYNC_AFTER_MS);
  }

  /** Never rejects. */
  async #syncJournal(journal = this.#journal): Promise<void> {
    try {
      await journal.sync();
    } catch (cause) {
      this.#deps.logger.error('the journal of delivered timers was not flushed', { cause });
    }
  }
}

/** As the original counts. */
function wholeSeconds(ms: number): number {
  return Math.max(0, Math.floor(ms / 1_000) * 1_000);
}

function firstQueueOffset(snapshot: TimerSnapshot): number {
  let first = snapshot.nextQueueOffset;
  for (const { queueOffsets } of [snapshot.relative, snapshot.absolute]) {
    for (const each of queueOffsets) if (each < first) first = each;
  }
  return first;
}
