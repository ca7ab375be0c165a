import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { PropertyKey } from '../protocol/properties.ts';
import type { AppendResult } from '../store/message-store.ts';
import type { TimerHeap } from '../store/timer-heap.ts';
import { isHopeless } from './stored-records.ts';
import type { TimerRecords } from './timer-records.ts';
import type { TimerInstant } from './timer-table.ts';

/** By how much a recall may be due before its message, or after it: a send that was repeated may have stored it twice, with two times. */
const APART_MS = 60_000;
const SWEEP_INTERVAL_MS = 60_000;

/** Records read at a time. */
const READ_AT_ONCE = 64;

/** No more than that: as many may be taken back as wait. */
interface Recall {
  readonly dueMs: number;
  readonly queueOffset: number;
}

/** `topic+msgId`, as the original has it in TIMER_DEL_UNIQKEY. Source: RocketMQ 5.3 TimerMessageStore.buildDeleteKey. */
export function recallKey(topic: string, msgId: string): string {
  return `${topic}+${msgId}`;
}

/**
 * Messages that were taken back while they waited, by topic and msgId. They stay in the table of timers until they are
 * due, and are dropped then.
 */
export class TimerRecalls {
  /** Of each message the one that is due last: it is there for as long as any of them. */
  readonly #recalls = new Map<string, Recall>();
  /** Settled when all of that message which are being stored are decided. Never rejects. */
  readonly #undecided = new Map<string, Promise<unknown>>();
  /** queueOffsets that became visible and whose `begin` has not gone on yet. */
  readonly #arrived = new Set<number>();
  /** Answered before they are visible: FLUSH_DISK_TIMEOUT, or nobody wanted to wait. */
  readonly #answeredEarly = new Set<number>();
  /** Recalls of before whose records are not read yet, by when they are due. */
  readonly #unread: TimerHeap;
  /** Taken from there, and not among the others yet; earliest first. */
  #beingRead: readonly { readonly dueMs: number; readonly queueOffset: number }[] = [];
  #reading: Promise<void> | undefined;
  readonly #records: TimerRecords;
  readonly #logger: Logger;
  #isClosed = false;
  #sweptAtMs = 0;

  /** `stored`: queueOffsets of what was found stored, by when it is due. `read` has to be called for it. */
  constructor(records: TimerRecords, logger: Logger, stored: TimerHeap) {
    this.#records = records;
    this.#logger = logger;
    this.#unread = stored;
  }

  get size(): number {
    return this.#recalls.size + this.#undecided.size + this.#unreadCount;
  }

  get #unreadCount(): number {
    return this.#beingRead.length + this.#unread.size;
  }

  /** Reads what is not read yet, earliest first. Errors: what the store says; `find` reads on as far as it needs then. */
  async read(): Promise<void> {
    while (this.#unreadCount > 0 && !this.#isClosed) await this.#readSome();
  }

  /** Stops reading. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#reading?.catch(() => undefined);
  }

  /** From the call on, the delivery of that message waits for the outcome. */
  begin(
    recalled: string,
    dueMs: number,
    append: () => Promise<AppendResult>,
  ): Promise<AppendResult> {
    const key = flat(recalled);
    const appended = append().then((result) => {
      const { queueOffset } = result;
      if (!this.#arrived.delete(queueOffset)) this.#answeredEarly.add(queueOffset);
      this.#noteStored(key, { dueMs, queueOffset });
      return result;
    });
    const decided = Promise.allSettled([this.#undecided.get(key), appended]).then(() => {
      if (this.#undecided.get(key) === decided) this.#undecided.delete(key);
    });
    this.#undecided.set(key, decided);
    return appended;
  }

  /**
   * queueOffset of the recall of that message, stored by the time the promise resolves; undefined when there is none.
   * Waits until those are read that are due by `dueMs`, when the message is, or soon after.
   */
  async find(key: string, dueMs: number): Promise<number | undefined> {
    while (this.#unreadCount > 0 && this.#firstUnreadMs <= dueMs + APART_MS) {
      if (this.#isClosed) throw new MqError('STORE_CLOSED', 'recalls are not read any more');
      await this.#readSome();
    }
    while (!this.#recalls.has(key) && this.#undecided.has(key)) await this.#undecided.get(key);
    return this.#recalls.get(key)?.queueOffset;
  }

  get #firstUnreadMs(): number {
    return this.#beingRead[0]?.dueMs ?? this.#unread.firstKey;
  }

  /** To be called as soon as one is visible, so that no snapshot misses it. */
  noteArrival(queueOffset: number): void {
    if (!this.#answeredEarly.delete(queueOffset)) this.#arrived.add(queueOffset);
  }

  /** Of those that are stored. */
  queueOffsets(): Float64Array {
    const known = Array.from(this.#recalls.values(), ({ queueOffset }) => queueOffset);
    const unread = [
      ...this.#beingRead.map(({ queueOffset }) => queueOffset),
      ...this.#unread.values,
    ];
    return Float64Array.from([...known, ...this.#arrived, ...unread]);
  }

  #readSome(): Promise<void> {
    this.#reading ??= this.#readEarliest().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readEarliest(): Promise<void> {
    const batch: { dueMs: number; queueOffset: number }[] = [];
    while (this.#unread.size > 0 && batch.length < READ_AT_ONCE) {
      batch.push({ dueMs: this.#unread.firstKey, queueOffset: this.#unread.pop() });
    }
    this.#beingRead = batch;
    try {
      const found = await Promise.all(batch.map(({ queueOffset }) => this.#readOne(queueOffset)));
      for (const each of found) if (each !== undefined) this.#noteStored(each.key, each.recall);
    } catch (cause) {
      for (const { dueMs, queueOffset } of batch) this.#unread.push(dueMs, queueOffset);
      throw cause;
    } finally {
      this.#beingRead = [];
    }
  }

  /** One that can never be read has outlived what it was for. */
  async #readOne(queueOffset: number): Promise<{ key: string; recall: Recall } | undefined> {
    const record = await this.#records.read(queueOffset).catch((cause: unknown) => {
      if (!isHopeless(cause)) throw cause;
    });
    const key = record && keyOf(record.properties);
    const dueMs = Number(record?.properties.get(PropertyKey.TIMER_OUT_MS));
    if (key !== undefined && Number.isSafeInteger(dueMs)) {
      return { key: flat(key), recall: { dueMs, queueOffset } };
    }
    this.#logger.warn('a recall names no message and is dropped', { queueOffset });
    return undefined;
  }

  #noteStored(key: string, recall: Recall): void {
    const known = this.#recalls.get(key);
    if (known === undefined || known.dueMs <= recall.dueMs) this.#recalls.set(key, recall);
  }

  /** Forgets, now and then, what can meet nothing any more: `firstDueMs` is the earliest time still waited for. */
  sweep(at: TimerInstant, firstDueMs: number): void {
    if (this.#recalls.size === 0 || at.monotonicMs - this.#sweptAtMs < SWEEP_INTERVAL_MS) return;
    this.#sweptAtMs = at.monotonicMs;
    const overMs = Math.min(firstDueMs, at.wallMs) - APART_MS;
    for (const [key, { dueMs }] of this.#recalls) {
      if (dueMs < overMs) this.#recalls.delete(key);
    }
  }
}

/**
 * Of a message that is itself a recall: of a message of its own topic, whatever other it names. Clients before 5.3 that
 * send one themselves name the msgId alone.
 */
export function keyOf(properties: ReadonlyMap<string, string>): string | undefined {
  const named = properties.get(PropertyKey.TIMER_DEL_UNIQKEY);
  const topic = properties.get(PropertyKey.REAL_TOPIC);
  if (named === undefined || topic === undefined) return named;
  return named.startsWith(recallKey(topic, '')) ? named : recallKey(topic, named);
}

/** Its own memory: what is cut out of a text keeps all of that alive. */
function flat(text: string): string {
  return Buffer.from(text).toString();
}
