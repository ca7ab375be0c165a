import type { Logger } from '../logger.ts';
import { PropertyKey } from '../protocol/properties.ts';
import type { AppendResult } from '../store/message-store.ts';
import type { TimerRecords } from './timer-records.ts';
import type { TimerInstant } from './timer-table.ts';

/** A send that was repeated may have stored the message twice, the second time to be delivered later. */
const KEPT_AFTER_DUE_MS = 60_000;
const SWEEP_INTERVAL_MS = 60_000;

/** Where a recall is stored; its commitLogOffset stands for the copy that is never delivered. */
type StoredRecall = Pick<AppendResult, 'queueOffset' | 'commitLogOffset'>;

interface Recall {
  readonly dueMs: number;
  /** Undefined when it was refused after all. Never rejects. */
  readonly stored: StoredRecall | Promise<StoredRecall | undefined>;
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
  #sweptAtMs = 0;

  get size(): number {
    return this.#recalls.size;
  }

  /** From the call on, the delivery of that message waits for the outcome. */
  async begin(
    key: string,
    dueMs: number,
    append: () => Promise<AppendResult>,
  ): Promise<AppendResult> {
    const before = this.#recalls.get(key);
    const appended = append();
    const stored = appended.then(
      (result) => result,
      () => before?.stored,
    );
    this.#recalls.set(key, { dueMs, stored });
    try {
      const result = await appended;
      const { queueOffset, commitLogOffset } = result;
      this.#arrived.delete(queueOffset);
      // No more of the result than that: as many may be taken back as wait.
      this.#recalls.set(key, { dueMs, stored: { queueOffset, commitLogOffset } });
      return result;
    } catch (cause) {
      if (before === undefined) this.#recalls.delete(key);
      else this.#recalls.set(key, before);
      throw cause;
    }
  }

  /** The recall of that message, stored by the time the promise resolves; undefined when there is none. */
  async find(key: string): Promise<StoredRecall | undefined> {
    return this.#recalls.get(key)?.stored;
  }

  /** To be called as soon as one is visible, so that no snapshot misses it. */
  noteArrival(queueOffset: number): void {
    this.#arrived.add(queueOffset);
  }

  /** Of those that are stored. */
  queueOffsets(): Float64Array {
    const stored = Array.from(this.#recalls.values(), ({ stored }) => stored);
    const known = stored.flatMap((each) => (each instanceof Promise ? [] : [each.queueOffset]));
    return Float64Array.from([...known, ...this.#arrived]);
  }

  /** Reads recalls that were found stored. One that cannot be read has outlived what it was for. */
  async load(
    queueOffsets: readonly number[],
    records: TimerRecords,
    logger: Logger,
  ): Promise<void> {
    for (const queueOffset of queueOffsets) {
      const record = await records.read(queueOffset);
      const key = record && keyOf(record.properties);
      const dueMs = Number(record?.properties.get(PropertyKey.TIMER_OUT_MS));
      if (record === undefined || key === undefined || !Number.isSafeInteger(dueMs)) {
        logger.warn('a recall names no message and is dropped', { queueOffset });
        continue;
      }
      const { commitLogOffset } = record;
      this.#recalls.set(key, { dueMs, stored: { queueOffset, commitLogOffset } });
    }
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
