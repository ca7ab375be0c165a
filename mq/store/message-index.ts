import type { Clock, TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { CommitLog } from './commit-log.ts';
import type { Files } from './files.ts';
import { isUnreadable, type IndexFile, type IndexHit, type TimeRange } from './index-file.ts';
import { IndexFiles } from './index-files.ts';
import { IndexedLog } from './indexed-log.ts';
import type { IndexSizes } from './index-layout.ts';
import { recoverIndex, type IndexCheckpoint } from './index-recovery.ts';

/**
 * How long the entries of new messages may wait to be made, and then to be written. Their slots lie all over the file, so that
 * a write is up to 20 MB of pages however few the messages: not every second.
 */
const FOLLOW_INTERVAL_MS = 50;
const WRITE_INTERVAL_MS = 5_000;
const RETRY_INTERVAL_MS = 1_000;
/** 4 MiB of entries are written at once. */
const MAX_PENDING_ENTRIES = 200_000;
/** A query waits for the entries of the newest messages, unless so much of the log is missing. */
const NEAR_BYTES = 16 * 1024 * 1024;
/** Flushing the index costs the disk up to 20 MB of slots: it is done after so much of the log. */
const SYNC_BYTES = 256 * 1024 * 1024;

export interface MessageIndexOptions {
  files: Files;
  rootDir: string;
  sizes: IndexSizes;
  clock: Clock;
  logger: Logger;
  log: CommitLog;
  /** What is indexed ends here. */
  confirmOffset: () => number;
  /** Where the log ended when it was opened. */
  endOffset: number;
  /** Where records are known to begin: indexing goes on there behind bytes that are none. */
  recordStarts: readonly number[];
  checkpoint: IndexCheckpoint;
  wasAborted: boolean;
}

/**
 * The index of a store: which messages have a key. It follows the CommitLog on its own, off the path of an append, so
 * that a log without an index, an index behind the log, and a disk that takes no entries for a while are one case.
 *
 * Memory: 20 MB of slots of the file that grows, touched as they are used, and at most 8 MB of entries that wait.
 * Order:  `open` reads headers only; checking, after a crash, and catching up go on in the background, and queries find
 *         what is there. A query waits for the newest messages when it is nothing else that is missing.
 */
export class MessageIndex {
  readonly #options: MessageIndexOptions;
  readonly #files: IndexFiles;
  readonly #log: IndexedLog;
  /** Undefined before the files were brought into agreement with the log. */
  #isPrepared = false;
  #wasAborted: boolean;
  /** Entries from here on, found in a file, are another life's. */
  #endOffset: number;
  #vouched: IndexCheckpoint;
  #syncDueAt: number;
  #damage: { file: IndexFile; problem: string } | undefined;
  #following: Promise<void> | undefined;
  /** Settles, and never rejects, when what changes the files has ended. */
  #lastTurn: Promise<unknown> = Promise.resolve();
  #followTimer: TimerHandle | undefined;
  #writeTimer: TimerHandle | undefined;
  #isFailing = false;
  #isClosing = false;
  /** Work under way ends with its next turn. */
  #isStopped = false;
  readonly #waiters: { offset: number; wake: () => void }[] = [];

  /** Errors: what the disk says. */
  constructor(options: MessageIndexOptions) {
    this.#options = options;
    this.#files = new IndexFiles(options);
    this.#log = new IndexedLog(options.log, options.recordStarts, options.logger);
    const isDoubted = options.wasAborted || options.checkpoint.doubt === 'unchecked';
    this.#wasAborted = isDoubted && this.#files.all.length > 0;
    this.#endOffset = options.endOffset;
    this.#vouched = options.checkpoint;
    this.#syncDueAt = options.endOffset + SYNC_BYTES;
  }

  /** The first commitLogOffset that is not indexed; undefined before that is known. */
  get indexedTo(): number | undefined {
    return this.#isPrepared ? this.#log.position : undefined;
  }

  /** Store time and commitLogOffset of the last message in the index, 0 in an empty one. */
  get lastUpdate(): { timestamp: number; commitLogOffset: number } {
    const header = this.#files.last?.header;
    return {
      timestamp: header?.endTimestamp ?? 0,
      commitLogOffset: header?.endPhyOffset ?? 0,
    };
  }

  /** To be called when the confirm offset has moved, and once after open. */
  noteConfirmed(): void {
    if (this.#options.confirmOffset() === 0) return;
    if (this.#followTimer !== undefined || this.#following !== undefined) return;
    if (!this.#isClosing) this.#followSoon(FOLLOW_INTERVAL_MS);
  }

  #followSoon(delayMs: number): void {
    this.#followTimer = this.#options.clock.setTimeout(() => {
      this.#followTimer = undefined;
      void this.#follow();
    }, delayMs);
    this.#followTimer.unref();
  }

  /**
   * Places of messages with this hash that may have been stored in the range, newest first; one of another key, or the
   * same twice, may be among them.
   */
  async *hits(keyHash: number, range: TimeRange): AsyncGenerator<IndexHit> {
    await this.#upToDate();
    yield* this.#files.hits(keyHash, range, (file, problem) => this.#noteDamage(file, problem));
  }

  async #upToDate(): Promise<void> {
    if (this.#isClosing || this.#isFailing) return;
    if (!this.#isPrepared) {
      // After a crash it may take long; else it is a look at the last entry.
      if (this.#wasAborted) return;
      void this.#follow();
      await this.#inTurn(() => this.#prepareOnce()).catch(() => undefined);
    }
    if (!this.#isPrepared) return;
    const offset = this.#options.confirmOffset();
    const missing = offset - this.#log.position;
    if (missing <= 0 || missing > NEAR_BYTES) return;
    const reached = new Promise<void>((wake) => this.#waiters.push({ offset, wake }));
    void this.#follow();
    await reached;
  }

  /** A file that was just being checked, or is written by a process that was killed, is expected to be wrong. */
  #noteDamage(file: IndexFile, problem: string): void {
    if (!this.#isPrepared) return;
    this.#damage ??= { file, problem };
    void this.#follow();
  }

  /** Makes entries up to the confirm offset. Never rejects: after a failure it is tried again. */
  #follow(): Promise<void> {
    this.#following ??= this.#followLog()
      .then(
        () => this.#noteSuccess(),
        (cause: unknown) => this.#noteFailure(cause),
      )
      .finally(() => {
        this.#following = undefined;
        this.#wake(Number.POSITIVE_INFINITY);
      });
    return this.#following;
  }

  async #followLog(): Promise<void> {
    // What could not be written is tried first: until it is, nothing has become better.
    if (this.#isFailing && !this.#isClosing) await this.#write();
    while (!this.#isClosing || this.#isNear()) {
      const isMore = await this.#inTurn(() => this.#step());
      this.#wake(this.#log.position);
      if (!isMore) break;
      await this.#turn();
    }
    if (!this.#isClosing) this.#armWriteTimer();
  }

  /** One slice of work; false when there is no more. */
  async #step(): Promise<boolean> {
    if (this.#damage !== undefined) {
      const { file, problem } = this.#damage;
      this.#damage = undefined;
      this.#files.setAsideFrom(file, problem);
      this.#isPrepared = false;
    }
    await this.#prepareOnce();
    const { confirmOffset, clock } = this.#options;
    const last = this.#files.last;
    if (last !== undefined && last.pendingEntries >= MAX_PENDING_ENTRIES)
      await last.write(this.#turn);
    const endOffset = confirmOffset();
    if (!(await this.#log.look(endOffset))) return false;
    if (last !== undefined && !last.isFull && !(await this.#isLoaded(last))) return true;
    const needsFile = this.#log.index(last, endOffset);
    if (!needsFile) return true;
    await last?.write(this.#turn);
    // The original has a full file flushed at once, and the checkpoint say so.
    if (last !== undefined) this.#syncDueAt = 0;
    this.#files.add(clock.now(), this.#vouched.lastFullFile);
    return true;
  }

  /** False when the disk cannot read the file any more: it is set aside with the next step. */
  async #isLoaded(file: IndexFile): Promise<boolean> {
    try {
      await file.load(this.#turn);
      return true;
    } catch (cause) {
      if (!isUnreadable(cause)) throw cause;
      this.#damage = { file, problem: String(cause) };
      return false;
    }
  }

  async #prepareOnce(): Promise<void> {
    if (this.#isPrepared) return;
    const { log, logger } = this.#options;
    const position = await recoverIndex({
      files: this.#files,
      log,
      endOffset: this.#endOffset,
      checkpoint: this.#vouched,
      wasAborted: this.#wasAborted,
      logger,
      turn: this.#turn,
    });
    // Not before: one that lost its end over a power cut looks as if its messages were gone, and those behind it cannot stay.
    this.#files.removeBefore(log.minOffset);
    // What was found wrong later is set aside as a whole: the rest was right when it was opened.
    this.#wasAborted = false;
    this.#vouched = { ...this.#vouched, doubt: 'none' };
    this.#endOffset = Number.POSITIVE_INFINITY;
    this.#log.goTo(position);
    this.#isPrepared = true;
    const missing = this.#options.confirmOffset() - position.commitLogOffset;
    if (missing > NEAR_BYTES) {
      logger.info('messages are being indexed in the background', {
        fromCommitLogOffset: position.commitLogOffset,
        missingBytes: missing,
      });
    }
  }

  #armWriteTimer(): void {
    if (this.#writeTimer !== undefined || this.#files.last?.isWritten !== false) return;
    this.#writeTimer = this.#options.clock.setTimeout(() => {
      this.#writeTimer = undefined;
      void this.#write().then(
        () => this.#noteSuccess(),
        (cause: unknown) => this.#noteFailure(cause),
      );
    }, WRITE_INTERVAL_MS);
    this.#writeTimer.unref();
  }

  #write(): Promise<void> {
    return this.#inTurn(async () => this.#files.last?.write(this.#turn));
  }

  /**
   * Flushes the index, if that is due, and returns what the store checkpoint may say of it. Never rejects: what could not
   * be flushed is not vouched for.
   */
  async sync(isLast: boolean): Promise<IndexCheckpoint> {
    const isDue = isLast || this.#log.position >= this.#syncDueAt;
    if (this.#vouched.doubt === 'unflushed') return this.#vouched;
    if (!this.#isPrepared && this.#wasAborted) return { ...this.#vouched, doubt: 'unchecked' };
    if (!isDue || !this.#isPrepared) return this.#vouched;
    try {
      const vouched = await this.#inTurn(() => this.#writeForSync());
      this.#syncDueAt = (vouched.indexedTo ?? 0) + SYNC_BYTES;
      this.#vouched = (await this.#flush()) ? vouched : { ...this.#vouched, doubt: 'unflushed' };
    } catch (cause) {
      // What is in memory only is written again later.
      this.#options.logger.error('the index cannot be written for a checkpoint', { cause });
    }
    return this.#vouched;
  }

  /** False when the disk may have lost what was written: then nobody can tell what it holds. */
  async #flush(): Promise<boolean> {
    const { files, rootDir, logger } = this.#options;
    try {
      for (const file of this.#files.all.filter((each) => each.isUnsynced)) await file.sync();
      if (this.#files.isDirectoryNew) await files.syncDirectory(rootDir);
      this.#files.isDirectoryNew = false;
      return true;
    } catch (cause) {
      logger.error('the index cannot be flushed; the next start makes it again', { cause });
      return false;
    }
  }

  /** What may be said of the index once what is written now is flushed. */
  async #writeForSync(): Promise<IndexCheckpoint> {
    await this.#files.last?.write(this.#turn);
    const full = this.#files.all.findLast((file) => file.isFull);
    const filled = this.#files.all.findLast((file) => !file.isEmpty);
    return {
      indexMsgTimestamp: full?.header.endTimestamp ?? 0,
      lastFullFile: full?.name,
      indexedTo: this.#log.boundary,
      endPhyOffset: filled?.header.endPhyOffset ?? -1,
      doubt: 'none',
    };
  }

  /** Removes the files all of whose messages are gone. To be called when the log's first segments were removed. */
  removeBefore(minCommitLogOffset: number): Promise<void> {
    return this.#inTurn(async () => this.#files.removeBefore(minCommitLogOffset));
  }

  /** Ends the work in the background; what is near is indexed before, so that whoever opens the store next finds it. */
  async finish(): Promise<void> {
    this.#isClosing = true;
    this.#stopTimers();
    // After a crash checking may take long: then the next run does it.
    this.#isStopped = this.#wasAborted;
    await this.#following;
    if (!this.#wasAborted) await this.#inTurn(() => this.#prepareOnce()).catch(() => undefined);
    if (this.#isNear()) await this.#follow();
    this.#stopTimers();
  }

  #isNear(): boolean {
    const missing = this.#options.confirmOffset() - this.#log.position;
    return this.#isPrepared && !this.#isFailing && missing > 0 && missing <= NEAR_BYTES;
  }

  /** What is only in memory stays unwritten; call `finish` and `sync` first. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#isFailing = true;
    this.#stopTimers();
    await this.#following;
    await this.#lastTurn;
    this.#stopTimers();
    this.#files.close();
  }

  #stopTimers(): void {
    const { clock } = this.#options;
    clock.clearTimeout(this.#followTimer);
    clock.clearTimeout(this.#writeTimer);
    this.#followTimer = undefined;
    this.#writeTimer = undefined;
  }

  /** One thing at a time changes the files. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#lastTurn.then(work);
    this.#lastTurn = result.catch(() => undefined);
    return result;
  }

  #wake(offset: number): void {
    const waiting = this.#waiters.splice(0);
    for (const waiter of waiting) {
      if (waiter.offset <= offset) waiter.wake();
      else this.#waiters.push(waiter);
    }
  }

  /** Gives the event loop its turn. */
  readonly #turn = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#isStopped) throw new MqError('STORE_CLOSED', 'the index was closed');
  };

  #noteSuccess(): void {
    if (!this.#isFailing || this.#isClosing) return;
    this.#isFailing = false;
    this.#options.logger.info('the index can be written again');
  }

  #noteFailure(cause: unknown): void {
    if (this.#isClosing) return;
    if (!this.#isFailing) {
      this.#options.logger.error('the index cannot be written; it falls behind and catches up', {
        cause,
      });
    }
    this.#isFailing = true;
    if (this.#followTimer === undefined) this.#followSoon(RETRY_INTERVAL_MS);
  }
}
