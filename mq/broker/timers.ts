import type { Clock, TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { HostAddress } from '../protocol/host-address.ts';
import type { MessageExt } from '../protocol/message.ts';
import { SystemTopic } from '../protocol/names.ts';
import { findProperty, PropertyKey } from '../protocol/properties.ts';
import type { QueueEntry } from '../store/consume-queue.ts';
import type { Files } from '../store/files.ts';
import type { AppendMessage, AppendResult, Arrival, MessageStore } from '../store/message-store.ts';
import { decodeTimerCode } from '../store/timer-entry.ts';
import { isHopeless } from './stored-records.ts';
import { TimerClock } from './timer-clock.ts';
import { outTimeOf, park, timerRequest, type Parked } from './timer-parking.ts';
import { TimerProgress } from './timer-progress.ts';
import { recallKey, TimerRecalls } from './timer-recalls.ts';
import { TimerRecords } from './timer-records.ts';
import { recoverTimers, type RecoveredTimers } from './timer-recovery.ts';
import { TimerRolling } from './timer-rolling.ts';
import type { TimerInstant, TimerTable } from './timer-table.ts';
import type { TopicConfigs } from './topic-configs.ts';

/** How many due messages are in memory at a time, and share one fsync. */
const BATCH_COUNT = 256;
const BATCH_BYTES = 4 * 1024 * 1024;
/** Wait after a delivery that the store refused; it is full or closing, and asking faster would not help. */
const RETRY_AFTER_MS = 1_000;
/** Where nobody says that the wall clock is set, it is looked at this often while something waits. */
const MAX_SLEEP_MS = 10_000;
/** What the steady clock shows is noted at a look when the last note is older: so none is older than MAX_SLEEP_MS. */
const NOTE_AFTER_MS = 5_000;
/** By how much the wall clock may be behind the steady one without having been set back. */
const STEP_MS = 1_000;

export interface TimersDeps {
  readonly store: MessageStore;
  readonly files: Files;
  /** Of the store. */
  readonly rootDir: string;
  /** Written into delivered copies. */
  readonly storeHost: () => HostAddress;
  /** Longest delay a message may ask for. */
  readonly maxDelayMs: number;
  /** A message that has been in the CommitLog for so long is stored anew. */
  readonly rollWindowMs: number;
  /** Undefined for a topic that was deleted while messages waited: they are dropped. */
  readonly queueFor: TopicConfigs['queueFor'];
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Delays of any length: parks messages in rmq_sys_wheel_timer and appends them to where they belong when their time
 * has come.
 *
 * Sleeps until the first is due. Those due at one time go out in batches, earliest first; one that the store refuses is
 * tried again alone. A message is never delivered early, and after a crash only those twice whose delivery the
 * journal of timer-progress.ts had not noted.
 */
export class Timers {
  readonly #deps: TimersDeps;
  readonly #clock: TimerClock;
  readonly #records: TimerRecords;
  readonly #table: TimerTable;
  readonly #recalls: TimerRecalls;
  readonly #progress: TimerProgress;
  readonly #rolling: TimerRolling;
  /** Taken from the table, and not noted as done yet. */
  readonly #underWay = new Set<number>();
  /** Answered and not visible yet (FLUSH_DISK_TIMEOUT, or nobody wanted to wait): their times by queueOffset. */
  readonly #answeredEarly = new Map<number, number>();
  #nextQueueOffset: number;
  #state: 'new' | 'started' | 'closed' = 'new';
  #pausedUntilMs = 0;
  /** When the steady clock was last noted on disk, in ms of the monotonic one. */
  #notedAtMs = Number.NEGATIVE_INFINITY;
  #isStepLogged = false;
  #sleep: { handle: TimerHandle; untilMs: number } | undefined;
  #delivering: Promise<void> | undefined;

  /** Finds out what waits. Errors: what the disk says. */
  static async open(deps: TimersDeps): Promise<Timers> {
    const recovered = await recoverTimers(deps);
    const timers = new Timers(deps, recovered);
    if (recovered.needsSnapshot) await timers.#progress.save();
    // The queue and the journals say the same, more slowly: a full disk is no reason not to start.
    else if (recovered.lacksSnapshot) timers.#progress.saveSoon();
    return timers;
  }

  private constructor(deps: TimersDeps, recovered: RecoveredTimers) {
    this.#deps = deps;
    this.#clock = new TimerClock(deps.clock, recovered.steadyMs);
    this.#records = new TimerRecords(deps.store, deps.storeHost);
    this.#table = recovered.table;
    this.#recalls = new TimerRecalls(this.#records, deps.logger, recovered.recalls);
    this.#nextQueueOffset = recovered.nextQueueOffset;
    this.#progress = new TimerProgress(
      {
        ...deps,
        capture: () => ({
          nextQueueOffset: this.#nextQueueOffset,
          steadyMs: this.#clock.now().steadyMs,
          recalls: this.#recalls.queueOffsets(),
          ...this.#view(),
        }),
        firstDueMs: () => (this.#underWay.size > 0 ? undefined : this.#table.firstDueMs),
      },
      recovered.nextGeneration,
    );
    this.#rolling = new TimerRolling({
      ...deps,
      table: this.#table,
      records: this.#records,
      recallOf: (message) => this.#recallOf(message.properties),
      progress: this.#progress,
    });
    deps.clock.onWallStep?.(() => this.#wake());
    deps.store.onArrival((arrival) => {
      if (arrival.topic === SystemTopic.TIMER) this.#parked(arrival);
    });
  }

  start(): void {
    this.#state = 'started';
    this.#recalls.read().catch((cause: unknown) => {
      this.#deps.logger.error('recalls cannot be read yet; deliveries wait for them', { cause });
    });
    this.#rolling.start();
    this.#wake();
  }

  /** Stops delivering, waits for deliveries under way and saves what waits. */
  async close(): Promise<void> {
    this.#state = 'closed';
    this.#deps.clock.clearTimeout(this.#sleep?.handle);
    await this.#recalls.close();
    await this.#rolling.close();
    await this.#delivering;
    // The next process may find the wall clock set back.
    if (this.size > 0) this.#progress.noteSteady(this.#clock.now().steadyMs);
    await this.#progress.close();
  }

  /** How many messages wait. */
  get size(): number {
    return this.#table.size + this.#underWay.size;
  }

  /** The commitLogOffset of the first parked message that is not delivered; Infinity when there is none. */
  waitingFrom(): number {
    const minOffset = this.#deps.store.minOffset(SystemTopic.TIMER, 0);
    let first = Infinity;
    for (const { queueOffsets } of Object.values(this.#view())) {
      for (const each of queueOffsets) if (each >= minOffset && each < first) first = each;
    }
    const entry = first === Infinity ? undefined : this.#records.entry(first);
    return entry?.commitLogOffset ?? Infinity;
  }

  /** The messages that wait and are not taken back, as they are parked, in no order. Reads every one of them. */
  async *waiting(): AsyncGenerator<MessageExt> {
    const { relative, absolute } = this.#view();
    for (const queueOffset of [...relative.queueOffsets, ...absolute.queueOffsets]) {
      const parked = await this.#records.read(queueOffset);
      if (parked === undefined || (await this.#recallOf(parked.properties))) continue;
      yield parked;
    }
  }

  /** Resolves when nothing is due and nothing is being delivered; what the store refused counts when its pause is over. */
  async settled(): Promise<void> {
    while (this.#state === 'started') {
      if (this.#waitMs(this.#clock.now()) === 0) this.#wake();
      if (this.#delivering === undefined) return;
      await this.#delivering;
    }
  }

  /**
   * The message as it is to be parked with `append`, undefined when it does not wait or its time has passed.
   *
   * Errors: MESSAGE_ILLEGAL, see timer-parking.ts; also for a recall whose time has passed.
   */
  park(message: AppendMessage): Parked | undefined {
    const request = timerRequest(message.propertiesString);
    if (request === undefined) return undefined;
    const now = this.#clock.now();
    const outMs = outTimeOf(request, now, this.#deps.maxDelayMs);
    if (outMs !== undefined) {
      // Before the message is on disk: nobody may meet it there without the clock it waits by.
      this.#noteSteady(now);
      return park(message, outMs, now);
    }
    const { propertiesString } = message;
    const recalled = findProperty(propertiesString, PropertyKey.TIMER_DEL_UNIQKEY);
    if (recalled === undefined) return undefined;
    throw new MqError(
      'MESSAGE_ILLEGAL',
      `timer message illegal: it is to take back ${recalled.slice(0, 200)}, and its time has passed`,
    );
  }

  /** As it is to be parked until that time, which `isAwaited`. */
  parkUntil(message: AppendMessage, outMs: number): Parked {
    return park(message, outMs, this.#clock.now());
  }

  async append({ message, outMs, recalls }: Parked): Promise<AppendResult> {
    const { store } = this.#deps;
    if (recalls !== undefined) {
      return this.#recalls.begin(recalls, outMs, () => store.append(message));
    }
    const result = await store.append(message);
    const { queueOffset } = result;
    if (queueOffset >= this.#nextQueueOffset) this.#answeredEarly.set(queueOffset, outMs);
    return result;
  }

  /** Whether a message waits for exactly this time, so that it can be recalled. */
  isAwaited(outMs: number): boolean {
    // What is not visible is not delivered either, and its recall becomes visible behind it.
    for (const each of this.#answeredEarly.values()) if (each === outMs) return true;
    return this.#table.isAwaited(outMs, this.#clock.now());
  }

  #view(): ReturnType<TimerTable['view']> {
    this.#rolling.forget();
    return this.#table.view([...this.#underWay]);
  }

  #parked({ queueOffset, tagsCode }: Arrival): void {
    this.#nextQueueOffset = queueOffset + 1;
    this.#answeredEarly.delete(queueOffset);
    this.#progress.notePark();
    const entry = decodeTimerCode(tagsCode);
    if (entry === undefined) {
      this.#deps.logger.error('a message in rmq_sys_wheel_timer does not say when it is due', {
        queueOffset,
      });
    } else if (entry.kind === 'recall') {
      this.#recalls.noteArrival(queueOffset);
    } else {
      this.#table.add(entry.kind, entry.dueMs, queueOffset);
      this.#wake();
    }
  }

  #waitMs(now: TimerInstant): number {
    return Math.max(this.#table.waitMs(now), this.#pausedUntilMs - now.monotonicMs);
  }

  /** Delivers what is due, or sleeps until something is. */
  #wake(): void {
    if (this.#state !== 'started' || this.#delivering !== undefined) return;
    const now = this.#clock.now();
    if (this.size > 0) this.#noteSteady(now);
    const waitMs = this.#waitMs(now);
    if (waitMs === 0) {
      this.#delivering = this.#deliverDue().finally(() => {
        this.#delivering = undefined;
        this.#wake();
      });
      return;
    }
    if (waitMs === Number.POSITIVE_INFINITY) return;
    const untilMs = now.monotonicMs + Math.min(Math.ceil(waitMs), this.#maxSleepMs(now));
    if (this.#sleep !== undefined && this.#sleep.untilMs <= untilMs) return;
    this.#deps.clock.clearTimeout(this.#sleep?.handle);
    const handle = this.#deps.clock.setTimeout(() => {
      this.#sleep = undefined;
      this.#wake();
    }, untilMs - now.monotonicMs);
    this.#sleep = { handle, untilMs };
  }

  #maxSleepMs(now: TimerInstant): number {
    return this.#isStepTold(now) ? Infinity : this.#notedAtMs + MAX_SLEEP_MS - now.monotonicMs;
  }

  /** It is not behind, and should it be set back, this is told. */
  #isStepTold({ wallMs, steadyMs }: TimerInstant): boolean {
    return this.#deps.clock.onWallStep !== undefined && steadyMs - wallMs <= STEP_MS;
  }

  /**
   * A new process would believe the wall clock: what the steady one shows has to be on disk by then, also before the wall
   * clock is set back, for after that there may be no time to find it out.
   */
  #noteSteady(now: TimerInstant): void {
    const { wallMs, steadyMs, monotonicMs } = now;
    if (this.#state === 'closed' || this.#isStepTold(now)) return;
    if (monotonicMs < this.#notedAtMs + NOTE_AFTER_MS) return;
    if (steadyMs - wallMs > STEP_MS && !this.#isStepLogged) {
      this.#isStepLogged = true;
      this.#deps.logger.warn('the wall clock was set back; delays under way keep their length', {
        behindMs: Math.round(steadyMs - wallMs),
      });
    }
    this.#notedAtMs = monotonicMs;
    this.#progress.noteSteady(steadyMs);
    this.#progress.write(this.size);
  }

  /** Never rejects. */
  async #deliverDue(): Promise<void> {
    while (this.#state === 'started') {
      this.#noteSteady(this.#clock.now());
      const batch = this.#takeBatch();
      if (batch.length === 0) return;
      const outcomes = await Promise.all(batch.map((queueOffset) => this.#deliver(queueOffset)));
      this.#progress.write(this.#table.size);
      this.#recalls.sweep(this.#clock.now(), this.#table.firstDueMs ?? 0);
      // Nothing can be stored: the rest of what is due need not be read to learn that.
      if (batch.length > 1 && outcomes.every((outcome) => outcome === 'failed')) {
        this.#pausedUntilMs = this.#deps.clock.monotonicMs() + RETRY_AFTER_MS;
        return;
      }
    }
  }

  #takeBatch(): number[] {
    const now = this.#clock.now();
    const batch: number[] = [];
    let bytes = 0;
    while (batch.length < BATCH_COUNT) {
      const queueOffset = this.#table.peek(now);
      if (queueOffset === undefined) break;
      const entry = this.#entry(queueOffset);
      bytes += entry?.sizeBytes ?? 0;
      if (bytes > BATCH_BYTES && batch.length > 0) break;
      this.#table.take(now);
      if (entry !== undefined && this.#waitsAgain(queueOffset, entry, now)) continue;
      this.#underWay.add(queueOffset);
      batch.push(queueOffset);
    }
    return batch;
  }

  /** What cannot be read is for its own delivery to report. */
  #entry(queueOffset: number): QueueEntry | undefined {
    try {
      return this.#records.entry(queueOffset);
    } catch (cause) {
      this.#deps.logger.debug('the entry of a message that is due cannot be read', {
        queueOffset,
        cause,
      });
      return undefined;
    }
  }

  /** Its time had come, it was refused, and then the wall clock was set back: it has to wait for its time again. */
  #waitsAgain(queueOffset: number, { tagsCode }: QueueEntry, now: TimerInstant): boolean {
    const timer = decodeTimerCode(tagsCode);
    if (timer === undefined || timer.kind === 'recall') return false;
    const isDue = timer.dueMs <= (timer.kind === 'relative' ? now.steadyMs : now.wallMs);
    if (!isDue) this.#table.add(timer.kind, timer.dueMs, queueOffset);
    return !isDue;
  }

  /** Never rejects. */
  async #deliver(queueOffset: number): Promise<'done' | 'failed'> {
    try {
      // Stored anew meanwhile: its successor is delivered.
      if (!(await this.#rolling.claim(queueOffset))) {
        const copyOffset = await this.#store(queueOffset);
        this.#progress.noteDone({ queueOffset, copyOffset });
      }
      return 'done';
    } catch (cause) {
      this.#deps.logger.error(
        'delivering a message that waited for its time failed, trying again',
        {
          queueOffset,
          cause,
        },
      );
      this.#table.retry(queueOffset, this.#deps.clock.monotonicMs() + RETRY_AFTER_MS);
      return 'failed';
    } finally {
      this.#underWay.delete(queueOffset);
    }
  }

  /**
   * Returns where the copy is, or the record on whose account there is none. Errors: what the store says when it is to
   * be tried again. A message nobody can ever store is logged and passed over.
   */
  async #store(queueOffset: number): Promise<number> {
    const { store, logger, clock, queueFor } = this.#deps;
    const parkedAt = this.#records.entry(queueOffset)?.commitLogOffset ?? 1;
    try {
      const parked = await this.#records.read(queueOffset);
      const recall = parked && (await this.#recallOf(parked.properties));
      if (recall !== undefined) return recall.commitLogOffset;
      const message = parked && this.#records.restore(parked, clock.now());
      const queueId = message && queueFor(message.topic, message.queueId);
      if (message !== undefined && queueId !== undefined) {
        return (await store.append({ ...message, queueId })).commitLogOffset;
      }
      logger.warn('a message that waited for its time has nowhere to go and is dropped', {
        queueOffset,
        topic: message?.topic,
      });
    } catch (cause) {
      if (!isHopeless(cause)) throw cause;
      logger.error(
        'a message that waited for its time cannot be stored where it belongs and is skipped',
        { queueOffset, cause },
      );
    }
    return parkedAt;
  }

  /** The recall of that message: where it is stands for the copy that is never delivered. */
  async #recallOf(
    properties: ReadonlyMap<string, string>,
  ): Promise<{ readonly commitLogOffset: number } | undefined> {
    if (this.#recalls.size === 0) return undefined;
    const topic = properties.get(PropertyKey.REAL_TOPIC) ?? '';
    const outMs = Number(properties.get(PropertyKey.TIMER_OUT_MS));
    const queueOffset = await this.#recalls.find(
      recallKey(topic, properties.get(PropertyKey.UNIQ_KEY) ?? ''),
      Number.isSafeInteger(outMs) ? outMs : Number.POSITIVE_INFINITY,
    );
    if (queueOffset === undefined) return undefined;
    return { commitLogOffset: this.#records.entry(queueOffset)?.commitLogOffset ?? 1 };
  }
}
