import type { PopSource } from './pop-records.ts';

/** One popped message that is neither acknowledged nor come again. */
export interface Invisible {
  readonly queue: PopQueue;
  readonly queueOffset: number;
  /** Where its pop began: with popTime, what its handle is known by. */
  startOffset: number;
  popTime: number;
  invisibleTime: number;
  reviveQid: number;
  /** It comes again at that time, on the monotonic clock. */
  dueMs: number;
  /** Until then it need not be in the revive log, on the monotonic clock. */
  readonly storeAtMs: number;
  /** Its checkpoint's queueOffset in the revive log; undefined while only memory knows of it. */
  checkpoint: number | undefined;
  /** Something about it is being written: whoever wants to do more about it waits, and looks again. Never rejects. */
  moving: Promise<void> | undefined;
}

export interface Popped {
  readonly startOffset: number;
  readonly popTime: number;
  readonly invisibleTime: number;
  readonly reviveQid: number;
  readonly queueOffsets: readonly number[];
  /** Where the next pop goes on. */
  readonly nextOffset: number;
}

/**
 * What a consumer group has popped from one queue: events in, what is invisible and how far the group has come out.
 *
 * The group's progress may be saved up to {@link commitOffset}: below it every message was acknowledged, has come again
 * as a copy, or has its checkpoint in the revive log. A crash loses this object and the group pops on from there, so
 * no message is lost, and those above that were acknowledged come again.
 *
 * Source: RocketMQ 5.3 PopBufferMergeService.java, whose idea this is.
 */
export class PopQueue {
  readonly #stayMs: number;
  readonly #invisible = new Map<number, Invisible>();
  /** Those without a checkpoint, in the order they were popped: the first is the lowest, unless the queue was reset. */
  readonly #buffered = new Map<number, Invisible>();
  #isInOrder = true;
  #lastBuffered = -1;
  #nextOffset: number | undefined;
  /** Progress is not held back below: somebody has set it to here. */
  #floor = 0;
  readonly source: PopSource;
  /** The progress that was last saved; another one was set by somebody else. */
  savedOffset: number | undefined;

  /** `stayMs`: how long a popped message is only in memory. */
  constructor(source: PopSource, stayMs: number) {
    this.source = source;
    this.#stayMs = stayMs;
  }

  /** Messages that are invisible now. */
  get size(): number {
    return this.#invisible.size;
  }

  get bufferedSize(): number {
    return this.#buffered.size;
  }

  /** The first message that was not popped; undefined before the group has begun here. */
  get nextOffset(): number | undefined {
    return this.#nextOffset;
  }

  isInvisible(queueOffset: number): boolean {
    return this.#invisible.has(queueOffset);
  }

  get(queueOffset: number): Invisible | undefined {
    return this.#invisible.get(queueOffset);
  }

  all(): Iterable<Invisible> {
    return this.#invisible.values();
  }

  buffered(): Iterable<Invisible> {
    return this.#buffered.values();
  }

  /** Undefined before the group has begun here. */
  get commitOffset(): number | undefined {
    if (this.#nextOffset === undefined) return undefined;
    let lowest = this.#nextOffset;
    for (const queueOffset of this.#buffered.keys()) {
      if (queueOffset < this.#floor) continue;
      if (queueOffset < lowest) lowest = queueOffset;
      if (this.#isInOrder) break;
    }
    return lowest;
  }

  /** The group begins here, or somebody has set its progress: what is invisible stays so, and comes again when it is due. */
  moveTo(nextOffset: number): void {
    this.#nextOffset = nextOffset;
    this.#floor = nextOffset;
    this.savedOffset = nextOffset;
  }

  /** Nothing between here and there is for this group. */
  skipTo(nextOffset: number): void {
    this.#nextOffset = nextOffset;
  }

  popped(popped: Popped, nowMs: number): Invisible[] {
    const entries = popped.queueOffsets.map((queueOffset): Invisible => {
      const { startOffset, popTime, invisibleTime, reviveQid } = popped;
      return {
        queue: this,
        queueOffset,
        startOffset,
        popTime,
        invisibleTime,
        reviveQid,
        dueMs: nowMs + invisibleTime,
        storeAtMs: nowMs + this.#stayMs,
        checkpoint: undefined,
        moving: undefined,
      };
    });
    for (const entry of entries) this.#addBuffered(entry);
    this.#nextOffset = popped.nextOffset;
    return entries;
  }

  /** What the revive log tells after a restart, or what a broker left there that had the store before. */
  restored(found: Omit<Invisible, 'queue' | 'moving' | 'storeAtMs'>): Invisible {
    const entry = { ...found, queue: this, storeAtMs: 0, moving: undefined };
    this.forget(entry.queueOffset);
    this.#invisible.set(entry.queueOffset, entry);
    return entry;
  }

  /** The message a handle is for, if the handle still counts. */
  named(queueOffset: number, startOffset: number, popTime: number): Invisible | undefined {
    const entry = this.#invisible.get(queueOffset);
    return entry?.popTime === popTime && entry.startOffset === startOffset ? entry : undefined;
  }

  /** The message is to come again at another time; from now on its handle begins at itself. */
  postponed(entry: Invisible, popTime: number, invisibleTime: number, nowMs: number): void {
    entry.startOffset = entry.queueOffset;
    entry.popTime = popTime;
    entry.invisibleTime = invisibleTime;
    entry.dueMs = nowMs + invisibleTime;
  }

  /** The revive log has it, as safely as can be: the group's progress need not wait for it. */
  stored(entry: Invisible, checkpoint: number): void {
    entry.checkpoint = checkpoint;
    this.#unbuffer(entry.queueOffset);
  }

  /** It is acknowledged, or has come again. */
  forget(queueOffset: number): void {
    this.#invisible.delete(queueOffset);
    this.#unbuffer(queueOffset);
  }

  #addBuffered(entry: Invisible): void {
    const { queueOffset } = entry;
    if (queueOffset <= this.#lastBuffered) this.#isInOrder = false;
    this.#lastBuffered = queueOffset;
    this.#invisible.set(queueOffset, entry);
    this.#buffered.set(queueOffset, entry);
  }

  #unbuffer(queueOffset: number): void {
    if (!this.#buffered.delete(queueOffset) || this.#buffered.size > 0) return;
    this.#isInOrder = true;
    this.#lastBuffered = -1;
  }
}
