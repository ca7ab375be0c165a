import type { Clock, TimerHandle } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { OrderCounts } from '../protocol/pop-handle.ts';
import type { JsonConfigFile } from '../store/config-file.ts';
import { DueTimes } from './due-times.ts';
import { sourceKey, type PopSource } from './pop-records.ts';
import { StateFile } from './state-file.ts';
import { storedInteger, storedObject } from './stored-json.ts';

export interface PopOrderDeps {
  readonly file: Pick<JsonConfigFile, 'read' | 'write'>;
  readonly persistIntervalMs: number;
  /** By which messages come again. */
  readonly clock: Clock;
  /** By which the file is written, which need not follow every jump of `clock`. */
  readonly peerClock: Clock;
  readonly logger: Logger;
  /** A queue that was blocked may be popped again. */
  readonly onFree: (source: PopSource) => void;
}

/** What a group has popped in order from one queue. Until all of it is acknowledged nothing else of the queue is popped. */
interface OrderBlock {
  readonly source: PopSource;
  readonly attemptId: string | undefined;
  readonly popTime: number;
  readonly queueOffsets: readonly number[];
  readonly acked: Set<number>;
  /** By queueOffset, on the monotonic clock. */
  readonly visibleAtMs: Map<number, number>;
  /** How often each was popped before; only what is above 0. */
  readonly counts: ReadonlyMap<number, number>;
}

/** Where the group has come with it; or the acknowledgement is too late, or of a message the pop did not have. */
export type OrderAck = { readonly nextOffset: number } | 'another-pop' | 'no-such-message';

/** Blocks of queues nobody has popped from for a day are forgotten, as in the original. */
const FORGET_AFTER_MS = 24 * 3_600_000;

/**
 * Ordered pops: a queue whose messages are popped gives no others until all of them are acknowledged, and the same ones
 * again when their time is over. Kept in consumerOrderInfo.json so that a restart does not give them to a second member.
 *
 * Source: RocketMQ 5.3 ConsumerOrderInfoManager.java.
 */
export class PopOrder {
  readonly #deps: PopOrderDeps;
  readonly #blocks = new Map<string, OrderBlock>();
  readonly #state: StateFile;
  readonly #freed = new DueTimes<OrderBlock>();
  #persistTimer: TimerHandle | undefined;
  #timer: TimerHandle | undefined;

  private constructor(deps: PopOrderDeps) {
    this.#deps = deps;
    this.#state = new StateFile(deps.file, () => ({ table: this.#table() }));
  }

  /** A file that cannot be read costs no more than that messages come again too early. */
  static async open(deps: PopOrderDeps): Promise<PopOrder> {
    const order = new PopOrder(deps);
    try {
      order.#restore(await deps.file.read());
    } catch (cause) {
      deps.logger.warn('consumerOrderInfo.json is not used: ordered pops begin anew', { cause });
      order.#blocks.clear();
    }
    return order;
  }

  start(): void {
    const { peerClock, persistIntervalMs, logger } = this.#deps;
    this.#persistTimer ??= peerClock.setInterval(() => {
      this.#state
        .save()
        .catch((cause: unknown) => logger.error('consumerOrderInfo.json not saved', { cause }));
    }, persistIntervalMs);
    this.#persistTimer.unref();
    this.#arm();
  }

  async close(): Promise<void> {
    this.#deps.peerClock.clearInterval(this.#persistTimer);
    this.#deps.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#state.save();
  }

  /** Whether a pop has to wait. A repetition of the pop that blocks does not: its reply was lost. */
  isBlocked(source: PopSource, attemptId: string | undefined): boolean {
    const block = this.#blocks.get(sourceKey(source));
    if (block === undefined) return false;
    if (attemptId !== undefined && block.attemptId === attemptId) return false;
    const nowMs = this.#deps.clock.monotonicMs();
    return this.#freeAtMs(block) > nowMs;
  }

  /** The first message that is popped and not acknowledged: the group's progress, unless somebody has set that. */
  openOffset(source: PopSource): number | undefined {
    const block = this.#blocks.get(sourceKey(source));
    return block?.queueOffsets.find((offset) => !block.acked.has(offset));
  }

  /** Messages are popped, first or once more. Returns how often each was popped before. */
  popped(
    source: PopSource,
    popped: {
      readonly attemptId: string | undefined;
      readonly popTime: number;
      readonly invisibleTime: number;
      readonly queueOffsets: readonly number[];
    },
  ): OrderCounts {
    const key = sourceKey(source);
    const before = this.#blocks.get(key);
    const isRepeated = popped.attemptId !== undefined && before?.attemptId === popped.attemptId;
    const counts = new Map<number, number>();
    for (const queueOffset of popped.queueOffsets) {
      const wasPopped = before?.queueOffsets.includes(queueOffset) === true;
      const known = before?.counts.get(queueOffset) ?? 0;
      const count = wasPopped && !isRepeated ? known + 1 : known;
      if (count > 0) counts.set(queueOffset, count);
    }
    const visibleAtMs = this.#deps.clock.monotonicMs() + popped.invisibleTime;
    const block: OrderBlock = {
      source,
      attemptId: popped.attemptId,
      popTime: popped.popTime,
      queueOffsets: popped.queueOffsets,
      acked: new Set(),
      visibleAtMs: new Map(popped.queueOffsets.map((offset) => [offset, visibleAtMs])),
      counts,
    };
    this.#put(key, block);
    const isAllKnown = counts.size === popped.queueOffsets.length;
    const least = isAllKnown ? Math.min(...counts.values()) : 0;
    return { queueId: source.queueId, byOffset: counts, least };
  }

  /** One message is done. Says where the group has come with that. */
  ack(source: PopSource, queueOffset: number, popTime: number): OrderAck {
    const block = this.#blocks.get(sourceKey(source));
    if (block?.popTime !== popTime) return 'another-pop';
    if (!block.queueOffsets.includes(queueOffset)) return 'no-such-message';
    block.acked.add(queueOffset);
    this.#state.noteChange();
    const open = block.queueOffsets.find((offset) => !block.acked.has(offset));
    if (open === undefined) {
      this.clear(source);
      return { nextOffset: block.queueOffsets.at(-1)! + 1 };
    }
    this.#watch(block);
    return { nextOffset: open };
  }

  /** Returns false when the message is not popped under that time. */
  changeInvisibleTime(
    source: PopSource,
    queueOffset: number,
    popTime: number,
    invisibleTime: number,
  ): boolean {
    const block = this.#blocks.get(sourceKey(source));
    if (block?.popTime !== popTime || !block.visibleAtMs.has(queueOffset)) return false;
    if (block.acked.has(queueOffset)) return false;
    block.visibleAtMs.set(queueOffset, this.#deps.clock.monotonicMs() + invisibleTime);
    this.#watch(block);
    this.#state.noteChange();
    return true;
  }

  /** The group's progress was set: what was popped before counts for nothing. */
  clear(source: PopSource): void {
    const key = sourceKey(source);
    const block = this.#blocks.get(key);
    if (block === undefined) return;
    this.#freed.delete(block);
    this.#blocks.delete(key);
    this.#state.noteChange();
  }

  removeWhere(isGone: (source: PopSource) => boolean): void {
    for (const { source } of this.#blocks.values()) if (isGone(source)) this.clear(source);
  }

  #put(key: string, block: OrderBlock): void {
    const before = this.#blocks.get(key);
    if (before !== undefined) this.#freed.delete(before);
    this.#blocks.set(key, block);
    this.#watch(block);
    this.#state.noteChange();
  }

  #freeAtMs({ queueOffsets, acked, visibleAtMs }: OrderBlock): number {
    let freeAtMs = 0;
    for (const offset of queueOffsets) {
      if (!acked.has(offset)) freeAtMs = Math.max(freeAtMs, visibleAtMs.get(offset) ?? 0);
    }
    return freeAtMs;
  }

  #watch(block: OrderBlock): void {
    this.#freed.set(block, this.#freeAtMs(block));
    this.#arm();
  }

  #arm(): void {
    const { clock } = this.#deps;
    if (this.#timer !== undefined) clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    const dueMs = this.#freed.nextDueMs();
    if (dueMs === undefined || this.#persistTimer === undefined) return;
    const delayMs = Math.max(0, Math.ceil(dueMs - clock.monotonicMs()));
    this.#timer = clock.setTimeout(() => this.#turn(), delayMs);
    this.#timer.unref();
  }

  #turn(): void {
    this.#timer = undefined;
    const nowMs = this.#deps.clock.monotonicMs();
    for (const block of this.#freed.takeDue(nowMs, Infinity)) {
      const key = sourceKey(block.source);
      if (this.#blocks.get(key) !== block) continue;
      const freeAtMs = this.#freeAtMs(block);
      if (freeAtMs <= nowMs - FORGET_AFTER_MS) {
        this.clear(block.source);
      } else if (freeAtMs > nowMs) {
        this.#freed.set(block, freeAtMs);
      } else {
        // It stays, for its counts; and is looked at once more to be forgotten.
        this.#freed.set(block, freeAtMs + FORGET_AFTER_MS);
        this.#deps.onFree(block.source);
      }
    }
    this.#arm();
  }

  /** In the original's form: the first offset, and the distances of the others from it. */
  #table(): Record<string, Record<string, unknown>> {
    const { clock } = this.#deps;
    const wallAheadMs = clock.now() - clock.monotonicMs();
    const table: Record<string, Record<string, unknown>> = {};
    for (const block of this.#blocks.values()) {
      const { topic, consumerGroup, queueId } = block.source;
      const [first = 0] = block.queueOffsets;
      const latestMs = Math.round(this.#freeAtMs(block) + wallAheadMs);
      let bits = 0n;
      for (const [index, offset] of block.queueOffsets.entries()) {
        if (block.acked.has(offset)) bits |= 1n << BigInt(index);
      }
      (table[`${topic}@${consumerGroup}`] ??= {})[queueId] = {
        popTime: block.popTime,
        i: Math.max(1, latestMs - block.popTime),
        o: block.queueOffsets.map((offset, index) => (index === 0 ? offset : offset - first)),
        ot: Object.fromEntries(
          Array.from(block.visibleAtMs, ([offset, atMs]) => [
            offset,
            Math.round(atMs + wallAheadMs),
          ]),
        ),
        oc: Object.fromEntries(block.counts),
        l: Math.round(clock.now()),
        cm: Number(bits),
        ...(block.attemptId === undefined ? {} : { a: block.attemptId }),
      };
    }
    return table;
  }

  #restore(stored: unknown): void {
    const { clock } = this.#deps;
    const path = 'consumerOrderInfo.json';
    const table = storedObject(storedObject(stored, path)['table'], `${path}: table`);
    for (const [key, queues] of Object.entries(table)) {
      const [topic = '', consumerGroup = ''] = key.split('@');
      for (const [id, value] of Object.entries(storedObject(queues, `${path}: ${key}`))) {
        const at = `${path}: ${key}.${id}`;
        const entry = storedObject(value, at);
        const queueId = storedInteger(Number(id), at);
        const popTime = storedInteger(entry['popTime'], `${at}.popTime`);
        const invisibleTime = storedInteger(entry['i'], `${at}.i`, 0);
        const given = Array.isArray(entry['o']) ? entry['o'] : [];
        const distances = given.map((each) => storedInteger(each, `${at}.o`));
        const [first] = distances;
        if (first === undefined) continue;
        const queueOffsets = distances.map((each, index) => (index === 0 ? each : first + each));
        const acks = BigInt(storedInteger(entry['cm'], `${at}.cm`, 0));
        const until = storedObject(entry['ot'], `${at}.ot`);
        const counts = Object.entries(storedObject(entry['oc'], `${at}.oc`));
        const block: OrderBlock = {
          source: { topic, consumerGroup, queueId },
          attemptId: typeof entry['a'] === 'string' ? entry['a'] : undefined,
          popTime,
          queueOffsets,
          acked: new Set(queueOffsets.filter((_, index) => ((acks >> BigInt(index)) & 1n) === 1n)),
          visibleAtMs: new Map(
            queueOffsets.map((offset) => {
              const atMs = storedInteger(until[offset], `${at}.ot`, popTime + invisibleTime);
              const leftMs = Math.max(0, atMs - clock.now());
              // Never longer than its whole time, should the wall clock have been set back since.
              const mostMs = Math.max(0, atMs - popTime);
              return [offset, clock.monotonicMs() + Math.min(leftMs, mostMs)];
            }),
          ),
          counts: new Map(
            counts.map(([offset, count]) => [Number(offset), storedInteger(count, `${at}.oc`)]),
          ),
        };
        this.#blocks.set(sourceKey(block.source), block);
        this.#freed.set(block, this.#freeAtMs(block));
      }
    }
  }
}
