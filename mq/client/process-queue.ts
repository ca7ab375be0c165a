import type { MessageQueue } from '../protocol/message-queue.ts';

/** They may change while the queue is consumed. */
export interface ProcessQueueLimits {
  /** Messages fetched and not finished. */
  readonly maxCount: number;
  /** Their bytes: of the record, or of the inflated body if that is larger. */
  readonly maxBytes: number;
  /** Distance between the lowest and the highest unfinished queueOffset. */
  readonly maxSpan: number;
}

/** Why nothing more of a queue is fetched, and the numbers that say so. */
export interface FlowControl {
  readonly reason: 'count' | 'bytes' | 'span';
  /** Messages, bytes or distance of offsets, and the limit that this has reached. */
  readonly held: number;
  readonly limit: number;
}

/**
 * What one consumer has fetched from one MessageQueue and not finished yet.
 *
 * Messages finish in any order; the offset to commit is the lowest unfinished one, so that a crash repeats messages but
 * never skips one. A single stuck message therefore holds the commit back, and the span limit bounds how many
 * messages a crash may repeat.
 *
 * Units: offsets are queueOffsets (entry indexes).
 */
export class ProcessQueue {
  readonly queue: MessageQueue;
  readonly #limits: ProcessQueueLimits;
  readonly #hold: { readonly isTrusted: boolean } | undefined;
  /** Unfinished messages: queueOffset → bytes, in ascending order of offset. */
  readonly #unfinished = new Map<number, number>();
  #bytes = 0;
  #highestOffset = -1;
  #nextPullOffset: number;
  #isDropped = false;

  /** `hold`: of the queue's lock, in ordered consumption. What was fetched under it counts no longer than it lasts. */
  constructor(
    queue: MessageQueue,
    startOffset: number,
    limits: ProcessQueueLimits,
    hold?: { readonly isTrusted: boolean },
  ) {
    this.queue = queue;
    this.#nextPullOffset = startOffset;
    this.#limits = limits;
    this.#hold = hold;
  }

  get nextPullOffset(): number {
    return this.#nextPullOffset;
  }

  get unfinishedCount(): number {
    return this.#unfinished.size;
  }

  /** Of what is unfinished; undefined when nothing is. */
  get cached(): { lowest: number; highest: number; count: number; bytes: number } | undefined {
    const lowest = this.#lowestUnfinished();
    if (lowest === undefined) return undefined;
    const { size } = this.#unfinished;
    return { lowest, highest: this.#highestOffset, count: size, bytes: this.#bytes };
  }

  /** Once dropped, what still runs here may finish but no longer counts: the queue has another owner or position. */
  get isDropped(): boolean {
    return this.#isDropped || this.#hold?.isTrusted === false;
  }

  drop(): void {
    this.#isDropped = true;
  }

  /** Everything below this offset is finished, or was filtered out by the broker. */
  get commitOffset(): number {
    return this.#lowestUnfinished() ?? this.#nextPullOffset;
  }

  /** undefined while more may be fetched. */
  get flowControl(): FlowControl | undefined {
    const { maxCount, maxBytes, maxSpan } = this.#limits;
    const count = this.#unfinished.size;
    if (count >= maxCount) return { reason: 'count', held: count, limit: maxCount };
    if (this.#bytes >= maxBytes) return { reason: 'bytes', held: this.#bytes, limit: maxBytes };
    const span = this.#highestOffset - (this.#lowestUnfinished() ?? this.#highestOffset);
    return span >= maxSpan ? { reason: 'span', held: span, limit: maxSpan } : undefined;
  }

  /**
   * Takes in one pull reply and returns the messages that are new here. Offsets already passed are left out: a peer
   * that repeats itself must not move the commit offset back.
   */
  put<M extends { queueOffset: number; bytes: number }>(
    messages: readonly M[],
    nextBeginOffset: number,
  ): M[] {
    const taken: M[] = [];
    for (const message of messages) {
      if (message.queueOffset < this.#nextPullOffset) continue;
      this.#unfinished.set(message.queueOffset, message.bytes);
      this.#bytes += message.bytes;
      this.#highestOffset = message.queueOffset;
      this.#nextPullOffset = message.queueOffset + 1;
      taken.push(message);
    }
    this.#nextPullOffset = Math.max(this.#nextPullOffset, nextBeginOffset);
    return taken;
  }

  /** Returns false when the message was finished before or never put. */
  finish(queueOffset: number): boolean {
    const bytes = this.#unfinished.get(queueOffset);
    if (bytes === undefined) return false;
    this.#unfinished.delete(queueOffset);
    this.#bytes -= bytes;
    return true;
  }

  #lowestUnfinished(): number | undefined {
    const first = this.#unfinished.keys().next();
    return first.done === true ? undefined : first.value;
  }
}
