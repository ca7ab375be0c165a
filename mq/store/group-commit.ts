import { MqError } from '../errors.ts';
import type { Clock, TimerHandle } from '../clock.ts';
import { DurationHistogram } from '../duration-histogram.ts';
import type { CommitLog } from './commit-log.ts';

export type FlushDiskType = 'SYNC_FLUSH' | 'ASYNC_FLUSH';
export type PutStatus = 'PUT_OK' | 'FLUSH_DISK_TIMEOUT';

/** Of an fsync: from what a drive with a cache takes to what a producer has given up on. */
const SYNC_BOUNDS_MS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 1000, 5000];

/** An append that waits to become safe. Entries are submitted, confirmed and refused in log order. */
export interface PendingAppend {
  /** First byte behind the record. */
  readonly endOffset: number;
  /** False: answer as soon as the kernel has the bytes, whatever the flush mode. */
  readonly waitsForConfirm: boolean;
  /** Both kept by GroupCommit: when the turn began in which it was submitted, and whether it has been told the outcome. */
  submittedAt: number;
  isAnswered: boolean;
  /** Called once with the outcome, unless `refuse` is. */
  succeed(status: PutStatus): void;
  refuse(error: MqError): void;
}

export interface GroupCommitOptions<T extends PendingAppend> {
  log: CommitLog;
  flushDiskType: FlushDiskType;
  clock: Clock;
  /** ASYNC_FLUSH: how long written bytes may wait for fsync. */
  flushIntervalMs: number;
  syncFlushTimeoutMs: number;
  /** The confirm offset has passed these; they are answered right after. */
  onConfirmed(appends: readonly T[]): void;
  /** These were taken back out of the log, or may be anywhere on a disk that failed. */
  onRefused(appends: readonly T[]): void;
  /** The store takes no more appends; what is flushed ends at log.flushedOffset. */
  onFailed(error: MqError): void;
  /** Says what a full disk's refusal shall say; undefined for any other cause. */
  describeFullDisk(cause: unknown): MqError | undefined;
}

/**
 * Moves the confirm offset: the CommitLog offset up to which the log is as safe as it was asked to be. What is
 * dispatched, visible and acknowledged follows this one number.
 *
 * All appends of one turn of the event loop go to the kernel in one write. SYNC_FLUSH: one fdatasync at a time
 * covers all that was written before it started; those that arrive meanwhile share the next one. ASYNC_FLUSH:
 * written is confirmed, and a timer, armed only while something is unflushed, runs fdatasync.
 *
 * Errors: a full disk refuses the appends of that turn and nothing else. Any other failed write, and every
 * failed fsync, refuses all that is unconfirmed and all that comes later: after it the kernel may drop pages
 * and report success, so only recovery can tell what the disk holds.
 */
export class GroupCommit<T extends PendingAppend> {
  readonly #options: GroupCommitOptions<T>;
  #unwritten: T[] = [];
  #unconfirmed: T[] = [];
  /** When the first of the unwritten was submitted. */
  #turnBeganAt = 0;
  #confirmOffset: number;
  #failure: MqError | undefined;
  #isWriteScheduled = false;
  #syncUnderWay: Promise<void> | undefined;
  #flushTimer: TimerHandle | undefined;
  #timeoutTimer: TimerHandle | undefined;
  readonly #settledWaiters: (() => void)[] = [];
  /** Woken after every fsync, and when it failed. */
  readonly #syncWaiters: (() => void)[] = [];
  syncCount = 0;
  readonly syncDurations = new DurationHistogram(SYNC_BOUNDS_MS);

  constructor(options: GroupCommitOptions<T>) {
    this.#options = options;
    this.#confirmOffset = options.log.appendOffset;
  }

  get confirmOffset(): number {
    return this.#confirmOffset;
  }

  /** Set once the store has to be reopened before it takes another append. */
  get failure(): MqError | undefined {
    return this.#failure;
  }

  submit(append: T): void {
    if (this.#unwritten.length === 0) this.#turnBeganAt = this.#options.clock.monotonicMs();
    append.submittedAt = this.#turnBeganAt;
    append.isAnswered = false;
    this.#unwritten.push(append);
    if (this.#isWriteScheduled) return;
    this.#isWriteScheduled = true;
    setImmediate(() => this.#writeTurn());
  }

  /** Resolves when nothing submitted before the call waits any more; never rejects. */
  async settled(): Promise<void> {
    const offset = this.#options.log.appendOffset;
    while (this.#confirmOffset < offset && this.#unwritten.length + this.#unconfirmed.length > 0) {
      await new Promise<void>((resolve) => this.#settledWaiters.push(resolve));
    }
  }

  /** Resolves when all that is written now would survive a power cut. Errors: the failure that stops the store. */
  async flush(): Promise<void> {
    const { log } = this.#options;
    const target = log.writtenOffset;
    while (log.flushedOffset < target) {
      if (this.#failure !== undefined) throw this.#failure;
      void this.#sync();
      // Not for the end of #sync, which under steady load does not come.
      await new Promise<void>((resolve) => this.#syncWaiters.push(resolve));
    }
  }

  /** Waits for what is under way and stops the timers. */
  async close(): Promise<void> {
    await this.settled();
    await this.#syncUnderWay;
    const { clock } = this.#options;
    clock.clearTimeout(this.#flushTimer);
    clock.clearTimeout(this.#timeoutTimer);
    this.#flushTimer = undefined;
    this.#timeoutTimer = undefined;
  }

  #writeTurn(): void {
    this.#isWriteScheduled = false;
    const turn = this.#unwritten;
    this.#unwritten = [];
    if (this.#failure !== undefined) {
      this.#refuse(turn, this.#failure);
      return;
    }
    try {
      this.#options.log.write();
    } catch (cause) {
      this.#refuseTurn(turn, cause);
      return;
    }
    if (this.#unconfirmed.length === 0) this.#unconfirmed = turn;
    else for (const append of turn) this.#unconfirmed.push(append);
    if (this.#options.flushDiskType === 'ASYNC_FLUSH') {
      this.#confirm(this.#options.log.writtenOffset);
      this.#armFlushTimer();
    } else {
      for (const append of turn) if (!append.waitsForConfirm) answer(append, 'PUT_OK');
      this.#armTimeoutTimer();
      void this.#sync();
    }
  }

  #refuseTurn(turn: T[], cause: unknown): void {
    const fullDisk = this.#options.describeFullDisk(cause);
    try {
      this.#options.log.discardUnwritten();
    } catch (error) {
      this.#fail('taking back a failed write', error);
    }
    if (fullDisk === undefined) this.#fail('write', cause);
    this.#refuse(turn, this.#failure ?? fullDisk!);
  }

  /** One at a time. Never rejects: a failure is kept and answered with. */
  #sync(): Promise<void> {
    this.#syncUnderWay ??= this.#syncUntilClean().finally(() => {
      this.#syncUnderWay = undefined;
      wakeAll(this.#syncWaiters);
    });
    return this.#syncUnderWay;
  }

  /** SYNC_FLUSH repeats while more was written meanwhile; ASYNC_FLUSH leaves that to the next timer. */
  async #syncUntilClean(): Promise<void> {
    const { log, flushDiskType, clock } = this.#options;
    while (this.#failure === undefined && log.flushedOffset < log.writtenOffset) {
      try {
        this.syncCount++;
        const startedMs = clock.monotonicMs();
        await log.sync();
        this.syncDurations.add(clock.monotonicMs() - startedMs);
      } catch (cause) {
        this.#fail('fsync', cause);
        return;
      }
      wakeAll(this.#syncWaiters);
      if (flushDiskType === 'ASYNC_FLUSH') return;
      if (this.#failure === undefined) this.#confirm(log.flushedOffset);
    }
  }

  #confirm(offset: number): void {
    if (offset <= this.#confirmOffset) return;
    this.#confirmOffset = offset;
    let confirmed = this.#unconfirmed;
    const first = confirmed.findIndex(({ endOffset }) => endOffset > offset);
    if (first < 0) this.#unconfirmed = [];
    else confirmed = confirmed.splice(0, first);
    this.#options.onConfirmed(confirmed);
    for (const append of confirmed) answer(append, 'PUT_OK');
    wakeAll(this.#settledWaiters);
  }

  #fail(what: string, cause: unknown): void {
    if (this.#failure !== undefined) return;
    const text = cause instanceof Error ? cause.message : String(cause);
    this.#failure = new MqError(
      'SERVICE_NOT_AVAILABLE',
      `the store takes no more messages until it is reopened, because ${what} failed: ${text}`,
      { retriable: true, cause, details: { flushedOffset: this.#options.log.flushedOffset } },
    );
    this.#options.onFailed(this.#failure);
    this.#refuse(this.#unconfirmed.splice(0), this.#failure);
  }

  #refuse(refused: readonly T[], error: MqError): void {
    this.#options.onRefused(refused);
    for (const append of refused) {
      if (append.isAnswered) continue;
      append.isAnswered = true;
      append.refuse(error);
    }
    wakeAll(this.#settledWaiters);
  }

  #armFlushTimer(): void {
    if (this.#flushTimer !== undefined) return;
    this.#flushTimer = this.#options.clock.setTimeout(() => {
      this.#flushTimer = undefined;
      void this.#sync();
    }, this.#options.flushIntervalMs);
  }

  #armTimeoutTimer(): void {
    if (this.#timeoutTimer !== undefined) return;
    const oldest = this.#unconfirmed.find(({ isAnswered }) => !isAnswered);
    if (oldest === undefined) return;
    const { clock, syncFlushTimeoutMs } = this.#options;
    const dueIn = oldest.submittedAt + syncFlushTimeoutMs - clock.monotonicMs();
    this.#timeoutTimer = clock.setTimeout(() => this.#answerLate(), Math.max(0, dueIn));
    this.#timeoutTimer.unref();
  }

  /** The message is on its way to the disk and will be visible; only the promise of safety is withheld. */
  #answerLate(): void {
    this.#timeoutTimer = undefined;
    const { clock, syncFlushTimeoutMs } = this.#options;
    const limit = clock.monotonicMs() - syncFlushTimeoutMs;
    for (const append of this.#unconfirmed) {
      if (append.submittedAt > limit) break;
      answer(append, 'FLUSH_DISK_TIMEOUT');
    }
    this.#armTimeoutTimer();
  }
}

function wakeAll(waiters: (() => void)[]): void {
  for (const wake of waiters.splice(0)) wake();
}

function answer(append: PendingAppend, status: PutStatus): void {
  if (append.isAnswered) return;
  append.isAnswered = true;
  append.succeed(status);
}
