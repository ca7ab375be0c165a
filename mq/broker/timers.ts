import type { Clock, TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { HostAddress } from '../protocol/host-address.ts';
import { SystemTopic } from '../protocol/names.ts';
import type { AppendMessage, Arrival, MessageStore } from '../store/message-store.ts';
import { decodeTimerCode } from '../store/timer-entry.ts';
import { TimerClock } from './timer-clock.ts';
import { outTimeOf, park, timerRequest, type Parked } from './timer-parking.ts';
import { TimerRecords } from './timer-records.ts';
import { TimerTable } from './timer-table.ts';

/** How many due messages are in memory at a time, and share one fsync. */
const BATCH_COUNT = 256;
const BATCH_BYTES = 4 * 1024 * 1024;
/** Wait after a delivery that the store refused; it is full or closing, and asking faster would not help. */
const RETRY_AFTER_MS = 1_000;
/** Nobody says when the wall clock is set: it is looked at this often while something waits. */
const MAX_SLEEP_MS = 10_000;

export interface TimersDeps {
  readonly store: MessageStore;
  /** Written into delivered copies. */
  readonly storeHost: () => HostAddress;
  /** Longest delay a message may ask for. */
  readonly maxDelayMs: number;
  /** Messages of a topic that was deleted while they waited are dropped. */
  readonly hasTopic: (topic: string) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Delays of any length: parks messages in rmq_sys_wheel_timer and appends them to where they belong when their time
 * has come.
 *
 * Sleeps until the first is due. Those due at one time go out in batches, earliest first; one that the store refuses is
 * tried again alone.
 */
export class Timers {
  readonly #deps: TimersDeps;
  readonly #clock: TimerClock;
  readonly #records: TimerRecords;
  readonly #table = new TimerTable();
  #state: 'new' | 'started' | 'closed' = 'new';
  #sleep: { handle: TimerHandle; untilMs: number } | undefined;
  #delivering: Promise<void> | undefined;

  constructor(deps: TimersDeps) {
    this.#deps = deps;
    this.#clock = new TimerClock(deps.clock);
    this.#records = new TimerRecords(deps.store, deps.storeHost);
    deps.store.onArrival((arrival) => {
      if (arrival.topic === SystemTopic.TIMER) this.#parked(arrival);
    });
  }

  start(): void {
    this.#state = 'started';
    this.#wake();
  }

  /** Stops delivering and waits for deliveries under way. */
  async close(): Promise<void> {
    this.#state = 'closed';
    this.#deps.clock.clearTimeout(this.#sleep?.handle);
    await this.#delivering;
  }

  /** How many messages wait. */
  get size(): number {
    return this.#table.size;
  }

  /** Resolves when nothing is due and nothing is being delivered; what the store refused counts when its pause is over. */
  async settled(): Promise<void> {
    while (this.#state === 'started') {
      if (this.#table.waitMs(this.#clock.now()) === 0) this.#wake();
      if (this.#delivering === undefined) return;
      await this.#delivering;
    }
  }

  /**
   * The message as it is to be parked, undefined when it does not wait or its time has passed.
   *
   * Errors: MESSAGE_ILLEGAL, see timer-parking.ts.
   */
  park(message: AppendMessage): Parked | undefined {
    const request = timerRequest(message.propertiesString);
    if (request === undefined) return undefined;
    const now = this.#clock.now();
    const outMs = outTimeOf(request, now, this.#deps.maxDelayMs);
    return outMs === undefined ? undefined : park(message, outMs, now);
  }

  #parked({ queueOffset, tagsCode }: Arrival): void {
    const entry = decodeTimerCode(tagsCode);
    if (entry === undefined || entry.kind === 'recall') return;
    this.#table.add(entry.kind, entry.dueMs, queueOffset);
    if (this.#delivering === undefined) this.#wake();
  }

  /** Delivers what is due, or sleeps until something is. */
  #wake(): void {
    if (this.#state !== 'started' || this.#delivering !== undefined) return;
    const now = this.#clock.now();
    const waitMs = this.#table.waitMs(now);
    if (waitMs === 0) {
      this.#delivering = this.#deliverDue().finally(() => {
        this.#delivering = undefined;
        this.#wake();
      });
      return;
    }
    if (waitMs === Number.POSITIVE_INFINITY) return;
    const untilMs = now.monotonicMs + Math.min(Math.ceil(waitMs), MAX_SLEEP_MS);
    if (this.#sleep !== undefined && this.#sleep.untilMs <= untilMs) return;
    this.#deps.clock.clearTimeout(this.#sleep?.handle);
    const handle = this.#deps.clock.setTimeout(() => {
      this.#sleep = undefined;
      this.#wake();
    }, untilMs - now.monotonicMs);
    this.#sleep = { handle, untilMs };
  }

  /** Never rejects. */
  async #deliverDue(): Promise<void> {
    for (;;) {
      const batch = this.#takeBatch();
      if (batch.length === 0 || this.#state !== 'started') return;
      await Promise.all(batch.map((queueOffset) => this.#deliver(queueOffset)));
    }
  }

  #takeBatch(): number[] {
    const now = this.#clock.now();
    const batch: number[] = [];
    let bytes = 0;
    while (batch.length < BATCH_COUNT) {
      const queueOffset = this.#table.peek(now);
      if (queueOffset === undefined) break;
      bytes += this.#records.sizeOf(queueOffset);
      if (bytes > BATCH_BYTES && batch.length > 0) break;
      batch.push(this.#table.take(now)!);
    }
    return batch;
  }

  async #deliver(queueOffset: number): Promise<void> {
    const { store, logger, hasTopic } = this.#deps;
    try {
      const parked = await this.#records.read(queueOffset);
      const message = parked && this.#records.restore(parked, this.#deps.clock.now());
      if (message === undefined || !hasTopic(message.topic)) {
        logger.warn('a message that waited for its time has nowhere to go and is dropped', {
          queueOffset,
          topic: message?.topic,
        });
        return;
      }
      await store.append(message);
    } catch (cause) {
      if (isHopeless(cause)) {
        logger.error(
          'a message that waited for its time cannot be stored where it belongs and is skipped',
          { queueOffset, cause },
        );
        return;
      }
      logger.error('delivering a message that waited for its time failed, trying again', {
        queueOffset,
        cause,
      });
      this.#table.retry(queueOffset, this.#deps.clock.monotonicMs() + RETRY_AFTER_MS);
    }
  }
}

/** A failure that comes from the message itself. All others pass: the disk gets space, the store is reopened. */
function isHopeless(cause: unknown): boolean {
  return (
    MqError.is(cause) &&
    (cause.code === 'MESSAGE_ILLEGAL' ||
      cause.code === 'MESSAGE_CORRUPT' ||
      cause.code === 'INVALID_ARGUMENT')
  );
}
