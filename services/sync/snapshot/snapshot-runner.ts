import { setTimeout as delay } from 'node:timers/promises';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { DomainError } from '../../common/errors.ts';
import type { Log } from '../../common/log.ts';
import type { SnapshotBook, SnapshotEntry } from './snapshot-book.ts';
import type { SnapshotStream, TakeSnapshot } from './take-snapshot.ts';

/** How often another process's request is looked for; one of this process is known at once. */
const POLL_MS = 5_000;

/**
 * Takes the snapshots that are asked for, one after the other, each as often as it takes; and two unasked: the first one,
 * when the copy is new, and one when the broker has lost changes, or is another than before. Of several processes the one does it that follows the binlog; should another one do it, too, that is
 * double work and no harm.
 */
export class SnapshotRunner implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #book: SnapshotBook;
  readonly #takeSnapshot: TakeSnapshot;
  readonly #stream: Pick<SnapshotStream, 'status'>;
  readonly #backoffMs: number;
  readonly #log: Log;
  readonly #stop = new AbortController();
  #wakeUp: () => void = () => undefined;
  #running: Promise<void> | undefined;

  constructor(parts: {
    book: SnapshotBook;
    takeSnapshot: TakeSnapshot;
    stream: Pick<SnapshotStream, 'status'>;
    backoffMs: number;
    log: Log;
  }) {
    this.#book = parts.book;
    this.#takeSnapshot = parts.takeSnapshot;
    this.#stream = parts.stream;
    this.#backoffMs = parts.backoffMs;
    this.#log = parts.log;
  }

  onApplicationBootstrap(): void {
    this.#running ??= this.#run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stop.abort(new Error('the service stops'));
    await this.#running;
  }

  /** Also the way out for a stream that has stopped. Errors: those of CopyDatabase. */
  async request(reason: string): Promise<SnapshotEntry> {
    const entry = await this.#book.request(reason, { beginsAnew: true });
    this.#wakeUp();
    return entry;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.#wakeUp = resolve;
      });
      const outcome = await this.#pass();
      if (outcome === 'idle') await Promise.race([this.#pause(POLL_MS), woken]);
      if (outcome === 'failed') await this.#pause(this.#backoffMs);
    }
  }

  async #pass(): Promise<'idle' | 'taken' | 'failed'> {
    let entry: SnapshotEntry | undefined;
    try {
      await this.#requestUnasked();
      entry = await this.#book.next();
      if (entry === undefined) return 'idle';
      await this.#takeSnapshot.execute(entry, this.#stop.signal);
      return 'taken';
    } catch (error) {
      if (this.#stop.signal.aborted) return 'failed';
      await this.#failed(entry, error);
      return 'failed';
    }
  }

  /** Nothing but a snapshot brings what the broker has lost into the copy, so nobody needs to be asked. */
  async #requestUnasked(): Promise<void> {
    if (await this.#book.isEmpty())
      await this.#book.request('the copy is new', { beginsAnew: false });
    const { state, code, reason } = this.#stream.status();
    if (state === 'STOPPED' && code === 'SYNC.QUEUE_DIFFERS')
      await this.#book.request(reason ?? code, { beginsAnew: true });
  }

  async #failed(entry: SnapshotEntry | undefined, error: unknown): Promise<void> {
    const code = error instanceof DomainError ? error.code : undefined;
    this.#log.warn('snapshot not taken, to be tried again', {
      snapshotId: entry?.snapshotId,
      code,
      error,
    });
    if (entry === undefined || code === 'COPY.UNAVAILABLE') return;
    try {
      // Anything else may quote a statement or a row.
      await this.#book.failed(
        entry.snapshotId,
        error instanceof DomainError ? `${error.code}: ${error.message}` : 'see the log',
      );
    } catch (cause) {
      this.#log.warn('nor could that be noted', { snapshotId: entry.snapshotId, error: cause });
    }
  }

  async #pause(ms: number): Promise<void> {
    try {
      await delay(ms, undefined, { signal: this.#stop.signal });
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    }
  }
}
