import { comparePositions, type BinlogPosition } from '../../contracts/order-binlog.ts';
import { isOwnMistake } from '../../common/broker-errors.ts';
import type { MessageQueue } from '../../common/mq.module.ts';
import { nameOf } from './binlog-queues.ts';
import type { OutgoingChange } from './outgoing-change.ts';
import type { Progress } from './progress.ts';
import type { PublishedQueue } from './checkpoints.ts';
import type { QueueEnd, QueuePort } from './queue-port.ts';
import { StreamFault } from './stream-fault.ts';

/** A batch is sent uncompressed, and a broker takes 4 MiB. A larger message goes alone. */
const MAX_BATCH_BYTES = 1024 * 1024;
/** Of all bodies that wait. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

export interface PublisherParts {
  readonly port: QueuePort;
  /** All queues, always in the same order, with what each held before the first change. */
  readonly ends: readonly QueueEnd[];
  readonly queueOf: (orderNo: string) => MessageQueue;
  readonly progress: Progress;
  readonly maxWaitingCount: number;
  readonly batchCount: number;
  /** Before the next try after so many failures. Ends early, without an error, when the signal is aborted. */
  readonly pause: (failureCount: number, signal: AbortSignal) => Promise<void>;
  readonly onPublished: (changes: readonly OutgoingChange[]) => void;
}

interface Lane {
  readonly queue: MessageQueue;
  /** The last change the queue is known to hold, or to have held. */
  last: BinlogPosition | undefined;
  /** The least that the queue's end can be, after all the broker has acknowledged. */
  endOffset: number;
  readonly waiting: OutgoingChange[];
  running: Promise<void> | undefined;
  /** What the broker said at the latest try, as long as none has succeeded since. */
  failure: unknown;
}

/**
 * Sends changes to their queues, each queue's in order, and each change once.
 *
 * Order:  a queue has one send under way at a time. The next one follows when the broker has said that it is stored.
 * Once:   of what a queue holds already (after a restart, or a send of which the answer was lost) nothing is sent again: the
 *         position of its last message tells, since positions only grow within a queue.
 * Errors: a broker that is away is tried again for as long as it takes. StreamFault by `failed`, when trying again is no use.
 */
export class Publisher {
  readonly #parts: PublisherParts;
  readonly #lanes: ReadonlyMap<string, Lane>;
  readonly #stop = new AbortController();
  #waitingCount = 0;
  #waitingBytes = 0;
  #isFull = false;
  #changed: () => void = () => undefined;
  #change = this.#nextChange();
  #fault: StreamFault | undefined;
  #hasSentOverGap = false;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
    this.#lanes = new Map(
      parts.ends.map(({ queue, position, offset }) => [
        nameOf(queue),
        {
          queue,
          last: position,
          endOffset: offset,
          waiting: [],
          running: undefined,
          failure: undefined,
        },
      ]),
    );
  }

  get waitingCount(): number {
    return this.#waitingCount;
  }

  /** Queues whose broker does not take anything just now, and what it said. */
  get failures(): { queue: string; error: unknown }[] {
    return [...this.#lanes.values()].flatMap(({ queue, failure }) =>
      failure === undefined ? [] : [{ queue: nameOf(queue), error: failure }],
    );
  }

  get queues(): PublishedQueue[] {
    return Array.from(this.#lanes.values(), ({ queue, endOffset }) => ({ queue, endOffset }));
  }

  /**
   * A queue has changes behind those it has lost, and so can tell nobody any more what it has lost: `queues` says how much it
   * would hold.
   */
  get hasSentOverGap(): boolean {
    return this.#hasSentOverGap;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** Takes a change; the caller then waits with `ready`. */
  push(change: OutgoingChange): void {
    const lane = this.#lanes.get(nameOf(this.#parts.queueOf(change.orderNo)));
    if (lane === undefined) throw new Error(`no queue of its own for ${change.orderNo}`);
    if (isIn(lane.last, change)) return;
    change.transaction.waitingCount++;
    lane.waiting.push(change);
    this.#waitingCount++;
    this.#waitingBytes += change.bytes;
    this.#isFull ||=
      this.#waitingCount >= this.#parts.maxWaitingCount || this.#waitingBytes >= MAX_WAITING_BYTES;
    lane.running ??= this.#run(lane);
  }

  /** Waits while too much is waiting. Errors: the StreamFault that ended it all. */
  async ready(): Promise<void> {
    await this.#until(() => !this.#isFull);
  }

  /** Waits until nothing is waiting. Errors: as `ready`. */
  async drained(): Promise<void> {
    await this.#until(() => this.#waitingCount === 0);
  }

  /** Settles with an error when there is no use in trying again. */
  failed(): Promise<never> {
    return this.#until(() => false) as Promise<never>;
  }

  /** Waits for the sends under way, and sends nothing more. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#signal();
    for (const { running } of this.#lanes.values()) await running;
  }

  async #until(isMet: () => boolean): Promise<void> {
    while (!isMet()) {
      if (this.#fault !== undefined) throw this.#fault;
      if (this.#stop.signal.aborted) return;
      await this.#change;
    }
  }

  async #run(lane: Lane): Promise<void> {
    try {
      for (let failureCount = 0; lane.waiting.length > 0 && !this.#isOver;) {
        failureCount = (await this.#sendNext(lane)) ? 0 : failureCount + 1;
        if (failureCount > 0) await this.#recover(lane, failureCount);
      }
    } catch (error) {
      this.#fault ??= asFault(error);
      this.#signal();
    } finally {
      lane.running = undefined;
    }
  }

  get #isOver(): boolean {
    return this.#stop.signal.aborted || this.#fault !== undefined;
  }

  /** False when the broker does not say that they are stored. */
  async #sendNext(lane: Lane): Promise<boolean> {
    const batch = nextBatch(lane.waiting, this.#parts.batchCount);
    let offset: number;
    try {
      offset = await this.#parts.port.send(
        lane.queue,
        batch.map(({ message }) => message),
      );
    } catch (error) {
      if (isOwnMistake(error)) throw refused(batch, error);
      lane.failure = error;
      return false;
    }
    lane.failure = undefined;
    this.#mustFollow(lane, offset, batch.length);
    // More, when an earlier try has been stored as well.
    lane.endOffset = offset + batch.length;
    this.#published(lane, batch.length);
    return true;
  }

  /** What failed may be stored all the same: the queue tells. */
  async #recover(lane: Lane, failureCount: number): Promise<void> {
    for (let count = failureCount; !this.#isOver; count++) {
      await this.#parts.pause(count, this.#stop.signal);
      if (this.#isOver) return;
      try {
        const { offset, position } = await this.#parts.port.end(lane.queue);
        if (offset < lane.endOffset) throw wentBack(lane, offset);
        const last = position ?? lane.last;
        const isNew = lane.waiting.findIndex((change) => !isIn(last, change));
        const storedCount = isNew < 0 ? lane.waiting.length : isNew;
        this.#mustFollow(lane, offset - storedCount, storedCount);
        lane.endOffset = offset;
        lane.last = last;
        this.#published(lane, storedCount);
        return;
      } catch (error) {
        if (error instanceof StreamFault) throw error;
        lane.failure = error;
      }
    }
  }

  /** What is stored now must be behind all that was acknowledged before. */
  #mustFollow(lane: Lane, offset: number, count: number): void {
    if (offset >= lane.endOffset) return;
    const fault = wentBack(lane, offset);
    lane.endOffset += count;
    this.#hasSentOverGap = true;
    throw fault;
  }

  /** The first `count` that wait. */
  #published(lane: Lane, count: number): void {
    const changes = lane.waiting.splice(0, count);
    if (changes.length === 0) return;
    lane.last = changes.at(-1)!.position;
    for (const { transaction, bytes } of changes) {
      this.#parts.progress.published(transaction);
      this.#waitingBytes -= bytes;
    }
    this.#waitingCount -= changes.length;
    this.#isFull &&=
      this.#waitingCount > this.#parts.maxWaitingCount / 2 ||
      this.#waitingBytes > MAX_WAITING_BYTES / 2;
    this.#parts.onPublished(changes);
    this.#signal();
  }

  #signal(): void {
    const changed = this.#changed;
    this.#change = this.#nextChange();
    changed();
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }
}

function isIn(last: BinlogPosition | undefined, { position }: OutgoingChange): boolean {
  return last !== undefined && comparePositions(position, last) <= 0;
}

function nextBatch(waiting: readonly OutgoingChange[], maxCount: number): OutgoingChange[] {
  const batch: OutgoingChange[] = [];
  let bytes = 0;
  for (const change of waiting) {
    bytes += change.bytes;
    if (batch.length === maxCount || (batch.length > 0 && bytes > MAX_BATCH_BYTES)) break;
    batch.push(change);
  }
  return batch;
}

function refused(batch: readonly OutgoingChange[], cause: unknown): StreamFault {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StreamFault('SYNC.MESSAGE_REFUSED', `no broker would take a change: ${reason}`, {
    position: batch[0]?.position,
    cause,
  });
}

/** The broker has lost what it had acknowledged. */
export function wentBack({ queue, endOffset }: PublishedQueue, offset: number): StreamFault {
  return new StreamFault(
    'SYNC.QUEUE_DIFFERS',
    `queue ${nameOf(queue)} ends at offset ${offset}, the broker had acknowledged up to ${endOffset}`,
  );
}

export function positionText({ file, offset, row }: BinlogPosition): string {
  return `${file}:${offset} row ${row}`;
}

function asFault(error: unknown): StreamFault {
  if (error instanceof StreamFault) return error;
  return new StreamFault(
    'SYNC.UNEXPECTED',
    error instanceof Error ? error.message : String(error),
    {
      cause: error,
    },
  );
}
