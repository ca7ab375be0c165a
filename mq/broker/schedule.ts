import type { Clock, TimerHandle } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { HostAddress } from '../protocol/host-address.ts';
import {
  decodeRecord,
  readRecordHeader,
  type MessageExt,
  type RecordHeader,
} from '../protocol/message.ts';
import { SystemTopic } from '../protocol/names.ts';
import { reencodeProperties, PropertyKey, type Properties } from '../protocol/properties.ts';
import { decodeEntry } from '../store/consume-queue.ts';
import type { AppendMessage, Arrival, MessageStore } from '../store/message-store.ts';
import type { DelayOffsets } from './delay-offsets.ts';
import type { TopicConfigs } from './topic-configs.ts';
import { WallSteps } from './wall-steps.ts';
import { appendSafely, copyOf, isHopeless, recordsOf } from './stored-records.ts';

/** How many parked messages are read, and how many deliveries share one fsync. */
const BATCH_COUNT = 64;
const BATCH_BYTES = 1024 * 1024;
/** Wait after a delivery that the store refused; it is full or closing, and asking faster would not help. */
const RETRY_AFTER_MS = 1_000;
/** Nobody says when the wall clock is set: it is looked at this often while something waits. */
const MAX_SLEEP_MS = 10_000;

const timerProperties = [
  PropertyKey.TIMER_DELAY_SEC,
  PropertyKey.TIMER_DELAY_MS,
  PropertyKey.TIMER_DELIVER_MS,
] as const;

export interface DelayScheduleDeps {
  readonly store: MessageStore;
  readonly offsets: DelayOffsets;
  /** Element 0 is the delay of level 1, in ms. */
  readonly levels: readonly number[];
  /** Written into delivered copies. */
  readonly storeHost: () => HostAddress;
  /** Undefined for a topic that was deleted while messages waited: they are dropped. */
  readonly queueFor: TopicConfigs['queueFor'];
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Delay levels: parks messages in SCHEDULE_TOPIC_XXXX, queue level − 1, and appends them to where they belong when
 * their time has come.
 *
 * Within a level messages are due in the order they were parked, so each level sleeps until its first message is due,
 * and without messages until one arrives. A message is never delivered early; after a crash those delivered since
 * delayOffset.json was last saved are delivered again.
 *
 * Source: RocketMQ 4.9 ScheduleMessageService.java.
 */
export class DelaySchedule {
  readonly #deps: DelayScheduleDeps;
  readonly #levels: readonly number[];
  readonly #queues: readonly LevelQueue[];
  /** Levels that messages were parked in when messageDelayLevel had more of them. */
  readonly #formerLevels: readonly number[];

  constructor(deps: DelayScheduleDeps) {
    this.#deps = deps;
    this.#levels = deps.levels;
    this.#queues = deps.levels.map((delayMs, index) => new LevelQueue(deps, index + 1, delayMs));
    const known = deps.store.topics().find(({ topic }) => topic === SystemTopic.SCHEDULE);
    const used = (known?.queueIds ?? []).map((queueId) => queueId + 1);
    this.#formerLevels = used.filter((level) => level > deps.levels.length);
    deps.store.onArrival((arrival) => {
      if (arrival.topic === SystemTopic.SCHEDULE) this.#queues[arrival.queueId]?.parked(arrival);
    });
  }

  /** Begins to deliver, from where delayOffset.json says. */
  start(): void {
    for (const queue of this.#queues) queue.start();
    this.#reportStranded();
  }

  /** How long they were to wait only the setting said that had their level. */
  #reportStranded(): void {
    const { store, levels, logger } = this.#deps;
    for (const level of this.#formerLevels) {
      const from = deliveredTo(this.#deps, level);
      const count = store.maxOffset(SystemTopic.SCHEDULE, level - 1) - from;
      if (count <= 0) continue;
      logger.error(
        `delay level ${level}: messages wait until messageDelayLevel, which has ${levels.length} levels, has so many again`,
        { count },
      );
    }
  }

  /** Resolves when nothing is being delivered, and nothing is due but what the store refused and is tried again later. */
  async settled(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.settled()));
  }

  /** Stops delivering and waits for deliveries under way. */
  async close(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.close()));
  }

  /** `scheduleMessageOffset_<level>`: delivered up to, parked up to; for levels that were ever used. */
  progress(): Record<string, string> {
    const entries = this.#queues.flatMap((queue) => {
      const { delivered, parked } = queue.progress();
      if (parked === 0) return [];
      return [[`scheduleMessageOffset_${queue.level}`, `${delivered},${parked}`]];
    });
    return Object.fromEntries(entries) as Record<string, string>;
  }

  /** Messages parked and not delivered. */
  get waitingCount(): number {
    return this.#queues.reduce((sum, queue) => {
      const { delivered, parked } = queue.progress();
      return sum + Math.max(0, parked - delivered);
    }, 0);
  }

  /** The queueOffset in SCHEDULE_TOPIC_XXXX of the first message of a level that is not delivered. */
  deliveredTo(level: number): number {
    return this.#queues[level - 1]?.deliveredTo() ?? 0;
  }

  /** The commitLogOffset of the first parked message that is not delivered; Infinity when there is none. */
  waitingFrom(): number {
    const levels = [...this.#queues.map(({ level }) => level), ...this.#formerLevels];
    return Math.min(Infinity, ...levels.map((level) => waitingFrom(this.#deps, level)));
  }

  /**
   * The message as it is parked: same body, other topic and queue, the originals in REAL_TOPIC and REAL_QID. The store
   * derives the time of delivery from the level and its own store time.
   * `properties` are the message's decoded ones and are changed; `level` must be at least 1, too high a one counts
   * as the highest.
   */
  park(message: AppendMessage, properties: Properties, level: number): AppendMessage {
    const actual = Math.min(level, this.#levels.length);
    properties.set(PropertyKey.DELAY, String(actual));
    // The level wins, now and when a consumer sends the message back.
    for (const name of timerProperties) properties.delete(name);
    properties.set(PropertyKey.REAL_TOPIC, message.topic);
    properties.set(PropertyKey.REAL_QID, String(message.queueId));
    return {
      ...message,
      topic: SystemTopic.SCHEDULE,
      queueId: actual - 1,
      propertiesString: reencodeProperties(properties),
    };
  }
}

/** A parked message whose time has come. */
interface Parked {
  readonly queueOffset: number;
  readonly record: Buffer;
}

function deliveredTo({ store, offsets }: DelayScheduleDeps, level: number): number {
  return offsets.get(level) ?? store.minOffset(SystemTopic.SCHEDULE, level - 1);
}

function waitingFrom(deps: DelayScheduleDeps, level: number): number {
  const minOffset = deps.store.minOffset(SystemTopic.SCHEDULE, level - 1);
  const first = Math.max(deliveredTo(deps, level), minOffset);
  const entry = deps.store.entries(SystemTopic.SCHEDULE, level - 1, first, 1);
  return entry.length === 0 ? Infinity : decodeEntry(entry, 0).commitLogOffset;
}

class LevelQueue {
  readonly #deps: DelayScheduleDeps;
  readonly level: number;
  readonly #queueId: number;
  readonly #delayMs: number;
  #timer: TimerHandle | undefined;
  #delivering: Promise<void> | undefined;
  #state: 'new' | 'started' | 'closed' = 'new';
  /** A message arrived while a delivery round was running, so its "nothing left" may be out of date. */
  #hasNews = false;
  /** Delivered although one before them has to be tried again. */
  readonly #deliveredAhead: Set<number>;
  readonly #wallSteps: WallSteps;
  /** Entries below maxOffset are due at dueAtMs, on the monotonic clock, whatever the wall clock says. */
  #parkedBy: { maxOffset: number; dueAtMs: number } | undefined;

  constructor(deps: DelayScheduleDeps, level: number, delayMs: number) {
    this.#deps = deps;
    this.level = level;
    this.#queueId = level - 1;
    this.#delayMs = delayMs;
    const end = deps.store.maxOffset(SystemTopic.SCHEDULE, this.#queueId);
    // Beyond the end of a queue that damage cut, other messages will be parked.
    this.#deliveredAhead = new Set(deps.offsets.aheadOf(level).filter((each) => each < end));
    this.#wallSteps = new WallSteps(deps.clock);
  }

  deliveredTo(): number {
    return deliveredTo(this.#deps, this.level);
  }

  progress(): { delivered: number; parked: number } {
    const { store, offsets } = this.#deps;
    return {
      delivered: offsets.get(this.level) ?? 0,
      parked: store.maxOffset(SystemTopic.SCHEDULE, this.#queueId),
    };
  }

  start(): void {
    this.#state = 'started';
    this.wake();
  }

  parked({ queueOffset, storeTimestamp }: Arrival): void {
    this.#wallSteps.noteStored(queueOffset, storeTimestamp);
    this.wake();
  }

  /** Something new is parked. While the first message is not due there is nothing to do about it. */
  wake(): void {
    this.#hasNews = true;
    if (this.#state !== 'started' || this.#timer !== undefined) return;
    this.#delivering ??= this.#deliverDue().finally(() => {
      this.#delivering = undefined;
      if (this.#hasNews) this.wake();
    });
  }

  async settled(): Promise<void> {
    while (this.#delivering !== undefined) await this.#delivering;
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#deps.clock.clearTimeout(this.#timer);
    await this.#delivering;
  }

  #wakeAfter(delayMs: number): void {
    if (this.#state !== 'started') return;
    this.#timer = this.#deps.clock.setTimeout(
      () => {
        this.#timer = undefined;
        this.wake();
      },
      Math.min(delayMs, MAX_SLEEP_MS),
    );
  }

  async #deliverDue(): Promise<void> {
    try {
      let waitMs: number | undefined = 0;
      while (waitMs === 0 && this.#state === 'started') {
        this.#hasNews = false;
        waitMs = await this.#deliverBatch();
      }
      if (waitMs !== undefined && waitMs > 0) this.#wakeAfter(waitMs);
    } catch (cause) {
      this.#deps.logger.error(`delay level ${this.level}: delivery failed, trying again`, {
        cause,
      });
      this.#wakeAfter(RETRY_AFTER_MS);
    }
  }

  /** Returns how long the next message has to wait, 0 to look again at once, undefined when none is parked. */
  async #deliverBatch(): Promise<number | undefined> {
    const { offsets } = this.#deps;
    const from = this.deliveredTo();
    const { due, next, waitMs } = await this.#readDue(from);
    const outcomes = await Promise.allSettled(due.map((parked) => this.#deliver(parked)));
    // Progress stops at the first that is to be tried again; those behind it are not delivered twice for that.
    let progress = next;
    let failure: PromiseRejectedResult | undefined;
    const aheadCount = this.#deliveredAhead.size;
    for (const [index, outcome] of outcomes.entries()) {
      const { queueOffset } = due[index]!;
      if (outcome.status === 'fulfilled') {
        if (failure !== undefined) this.#deliveredAhead.add(queueOffset);
      } else {
        failure ??= outcome;
        progress = Math.min(progress, queueOffset);
      }
    }
    const isNew = progress !== from || this.#deliveredAhead.size > aheadCount;
    this.#wallSteps.forgetBelow(progress);
    for (const queueOffset of this.#deliveredAhead) {
      if (queueOffset < progress) this.#deliveredAhead.delete(queueOffset);
    }
    if (isNew) offsets.set(this.level, progress, [...this.#deliveredAhead]);
    if (failure !== undefined) throw failure.reason;
    return waitMs;
  }

  /** What is due from `from` on, at most a batch; the store returns old messages a few at a time. */
  async #readDue(
    from: number,
  ): Promise<{ due: Parked[]; next: number; waitMs: number | undefined }> {
    const { store } = this.#deps;
    const due: Parked[] = [];
    let next = from;
    for (let bytes = 0; due.length < BATCH_COUNT && bytes < BATCH_BYTES;) {
      const found = await store.get({
        topic: SystemTopic.SCHEDULE,
        queueId: this.#queueId,
        queueOffset: next,
        maxCount: BATCH_COUNT - due.length,
        maxBytes: BATCH_BYTES - bytes,
      });
      if (found.status !== 'FOUND') {
        // Retention moved the queue's start, or a crash cut its end: go on where the store says.
        if (found.nextBeginOffset === next) return { due, next, waitMs: undefined };
        next = found.nextBeginOffset;
        continue;
      }
      for (const record of recordsOf(found.buffers)) {
        const header = headerOf(record);
        const queueOffset = header?.queueOffset ?? next;
        const waitMs = header === undefined ? 0 : this.#waitMs(header);
        if (waitMs > 0) return { due, next, waitMs };
        next = queueOffset + 1;
        bytes += record.length;
        due.push({ queueOffset, record });
      }
    }
    return { due, next, waitMs: 0 };
  }

  /**
   * How long a parked message still has to wait: until its delay is over by the wall clock, or by a clock that is never
   * set.
   *
   * Of a message that an earlier process parked, before the wall clock was set far back, neither is known: its time of
   * delivery may be years away. It waits its delay once more from when it is first met, because waiting on would hold
   * up all that are parked behind it.
   */
  #waitMs({ queueOffset, storeTimestamp }: RecordHeader): number {
    const { clock, store } = this.#deps;
    const dueMs = storeTimestamp + this.#delayMs;
    const steadyNowMs = this.#wallSteps.wallAt(queueOffset);
    const waitMs = Math.ceil(dueMs - Math.max(clock.now(), steadyNowMs));
    if (waitMs <= this.#delayMs) return Math.max(0, waitMs);
    const nowMs = clock.monotonicMs();
    if (this.#parkedBy === undefined || queueOffset >= this.#parkedBy.maxOffset) {
      const maxOffset = store.maxOffset(SystemTopic.SCHEDULE, this.#queueId);
      this.#parkedBy = { maxOffset, dueAtMs: nowMs + this.#delayMs };
      this.#deps.logger.warn(
        `delay level ${this.level}: messages are from the future, the wall clock was set back`,
        { waitMs, delayMs: this.#delayMs },
      );
    }
    return Math.max(0, Math.ceil(this.#parkedBy.dueAtMs - nowMs));
  }

  /** Errors: what the store says when it is to be tried again. A message nobody can ever store is logged and passed over. */
  async #deliver({ queueOffset, record }: Parked): Promise<void> {
    const { logger, store } = this.#deps;
    if (this.#deliveredAhead.has(queueOffset)) return;
    try {
      const message = this.#restore(decodeRecord(record));
      if (message !== undefined) await appendSafely(store, [message]);
    } catch (cause) {
      if (!isHopeless(cause)) throw cause;
      logger.error('a delayed message cannot be stored where it belongs and is skipped', {
        level: this.level,
        queueOffset,
        cause,
      });
    }
  }

  #restore(parked: MessageExt): AppendMessage | undefined {
    const topic = parked.properties.get(PropertyKey.REAL_TOPIC);
    const queueId = Number(parked.properties.get(PropertyKey.REAL_QID) ?? Number.NaN);
    const target =
      topic === undefined || !Number.isInteger(queueId)
        ? undefined
        : this.#deps.queueFor(topic, queueId);
    if (topic === undefined || target === undefined) {
      this.#deps.logger.warn('a delayed message has nowhere to go and is dropped', {
        offsetMsgId: parked.offsetMsgId,
        topic,
        queueId,
      });
      return undefined;
    }
    return {
      ...copyOf(parked, parked.properties),
      topic,
      queueId: target,
      storeHost: this.#deps.storeHost(),
    };
  }
}

/** Undefined for a damaged record: it is passed over when it is delivered, and must not hold up those behind it. */
function headerOf(record: Buffer): RecordHeader | undefined {
  try {
    return readRecordHeader(record);
  } catch (cause) {
    if (isHopeless(cause)) return undefined;
    throw cause;
  }
}
