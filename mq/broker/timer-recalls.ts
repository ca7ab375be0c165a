import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { PropertyKey } from '../protocol/properties.ts';
import type { AppendResult } from '../store/message-store.ts';
import { isHopeless } from './stored-records.ts';
import type { TimerRecords } from './timer-records.ts';
import type { TimerInstant } from './timer-table.ts';

/** A send that was repeated may have stored the message twice, the second time to be delivered later. */
const KEPT_AFTER_DUE_MS = 60_000;
const SWEEP_INTERVAL_MS = 60_000;

/** Records read at a time. */
const READ_AT_ONCE = 64;

/** No more than that: as many may be taken back as wait. */
interface Recall {
  readonly dueMs: number;
  /** Its queueOffset; undefined when it was refused after all. Never rejects. */
  readonly stored: number | Promise<number | undefined>;
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
  readonly #recalls = new Map<string, Recall>();
  /** queueOffsets that became visible and whose `begin` has not gone on yet. */
  readonly #arrived = new Set<number>();
  /** Answered before they are visible: FLUSH_DISK_TIMEOUT, or nobody wanted to wait. */
  readonly #answeredEarly = new Set<number>();
  /** queueOffsets of recalls of before, whose records are not read yet. */
  readonly #unread = new Set<number>();
  #reading: Promise<void> | undefined;
  readonly #records: TimerRecords;
  readonly #logger: Logger;
  #isClosed = false;
  #sweptAtMs = 0;

  /** `stored`: queueOffsets of what was found stored. It is read in the background, and `find` waits for that. */
  constructor(records: TimerRecords, logger: Logger, stored: readonly number[]) {
    this.#records = records;
    this.#logger = logger;
    for (const queueOffset of stored) this.#unread.add(queueOffset);
  }

  get size(): number {
    return this.#recalls.size + this.#unread.size;
  }

  /** Reads what is not read yet. Errors: what the store says; the next call goes on. */
  read(): Promise<void> {
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Stops reading. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#reading?.catch(() => undefined);
  }

  /** From the call on, the delivery of that message waits for the outcome. */
  async begin(
    recalled: string,
    dueMs: number,
    append: () => Promise<AppendResult>,
  ): Promise<AppendResult> {
    const key = flat(recalled);
    const before = this.#recalls.get(key);
    const appended = append();
    const stored = appended.then(
      ({ queueOffset }) => queueOffset,
      () => before?.stored,
    );
    this.#recalls.set(key, { dueMs, stored });
    try {
      const result = await appended;
      if (!this.#arrived.delete(result.queueOffset)) this.#answeredEarly.add(result.queueOffset);
      this.#recalls.set(key, { dueMs, stored: result.queueOffset });
      return result;
    } catch (cause) {
      if (before === undefined) this.#recalls.delete(key);
      else this.#recalls.set(key, before);
      throw cause;
    }
  }

  /** queueOffset of the recall of that message, stored by the time the promise resolves; undefined when there is none. */
  async find(key: string): Promise<number | undefined> {
    if (this.#unread.size > 0) await this.read();
    if (this.#unread.size > 0) throw new MqError('STORE_CLOSED', 'recalls are not read any more');
    return this.#recalls.get(key)?.stored;
  }

  /** To be called as soon as one is visible, so that no snapshot misses it. */
  noteArrival(queueOffset: number): void {
    if (!this.#answeredEarly.delete(queueOffset)) this.#arrived.add(queueOffset);
  }

  /** Of those that are stored. */
  queueOffsets(): Float64Array {
    const stored = Array.from(this.#recalls.values(), ({ stored }) => stored);
    const known = stored.filter((each) => typeof each === 'number');
    return Float64Array.from([...known, ...this.#arrived, ...this.#unread]);
  }

  async #readAll(): Promise<void> {
    while (this.#unread.size > 0 && !this.#isClosed) {
      const batch: Promise<void>[] = [];
      for (const queueOffset of this.#unread) {
        if (batch.push(this.#readOne(queueOffset)) === READ_AT_ONCE) break;
      }
      await Promise.all(batch);
    }
  }

  /** One that can never be read has outlived what it was for. */
  async #readOne(queueOffset: number): Promise<void> {
    const record = await this.#records.read(queueOffset).catch((cause: unknown) => {
      if (!isHopeless(cause)) throw cause;
    });
    const key = record && keyOf(record.properties);
    const dueMs = Number(record?.properties.get(PropertyKey.TIMER_OUT_MS));
    if (key === undefined || !Number.isSafeInteger(dueMs)) {
      this.#logger.warn('a recall names no message and is dropped', { queueOffset });
    } else {
      this.#recalls.set(flat(key), { dueMs, stored: queueOffset });
    }
    this.#unread.delete(queueOffset);
  }

  /** Forgets, now and then, what can meet nothing any more: `firstDueMs` is the earliest time still waited for. */
  sweep(at: TimerInstant, firstDueMs: number): void {
    if (this.#recalls.size === 0 || at.monotonicMs - this.#sweptAtMs < SWEEP_INTERVAL_MS) return;
    this.#sweptAtMs = at.monotonicMs;
    const overMs = Math.min(firstDueMs, at.wallMs) - KEPT_AFTER_DUE_MS;
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
