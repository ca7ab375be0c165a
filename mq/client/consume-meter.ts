import type { Clock } from '../clock.ts';
import type { ConsumeStatus } from '../protocol/consumer-running-info.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import { DurationHistogram } from '../duration-histogram.ts';
import { Rates } from '../rates.ts';
import { CLIENT_BOUNDS_MS, durationsOf, type Durations } from './durations.ts';

const TEN_MINUTES_MS = 600_000;

/** What a consumer has done since it was made, and what is left to it. */
export interface ConsumeMetrics {
  /** Messages that the listener took. */
  readonly succeeded: number;
  /** Messages that it did not take, each time; they come again, or are dead letters. */
  readonly failed: number;
  /** Of a call of the listener. */
  readonly durations: Durations;
  /** Messages fetched and not finished. */
  readonly inFlight: number;
  /** Of each queue that is this member's: messages that were there at the latest pull and are not finished. Not of popped ones. */
  readonly queues: readonly { readonly queue: MessageQueue; readonly lag: number }[];
}

/** How fast a consumer fetches and consumes, by topic. A consumer's operators ask for it, nobody else. */
export class ConsumeMeter {
  readonly #clock: Clock;
  readonly #lastMinute: Rates;
  readonly #lastHour: Rates;
  readonly #lastConsumed = new Map<string, number>();
  readonly #durations = new DurationHistogram(CLIENT_BOUNDS_MS);
  #succeeded = 0;
  #failed = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastMinute = new Rates(clock);
    this.#lastHour = new Rates(clock, TEN_MINUTES_MS);
  }

  /** A pull has brought messages. */
  pulled(topic: string, messageCount: number, tookMs: number): void {
    this.#lastMinute.add(`pulls ${topic}`, 1);
    this.#lastMinute.add(`pullMs ${topic}`, tookMs);
    this.#lastMinute.add(`pulled ${topic}`, messageCount);
  }

  /** A listener has ended. */
  consumed(queue: MessageQueue, okCount: number, failedCount: number, tookMs: number): void {
    const { topic } = queue;
    this.#lastConsumed.set(queueKey(queue), this.#clock.now());
    this.#lastMinute.add(`calls ${topic}`, 1);
    this.#lastMinute.add(`callMs ${topic}`, tookMs);
    this.#lastMinute.add(`ok ${topic}`, okCount);
    this.#lastMinute.add(`failed ${topic}`, failedCount);
    this.#lastHour.add(`failed ${topic}`, failedCount);
    this.#succeeded += okCount;
    this.#failed += failedCount;
    this.#durations.add(tookMs);
  }

  /** Since the consumer was made. */
  totals(): Pick<ConsumeMetrics, 'succeeded' | 'failed' | 'durations'> {
    return {
      succeeded: this.#succeeded,
      failed: this.#failed,
      durations: durationsOf(this.#durations),
    };
  }

  /** ms since epoch; 0 for never. */
  lastConsumedAt(queue: MessageQueue): number {
    return this.#lastConsumed.get(queueKey(queue)) ?? 0;
  }

  status(topic: string): ConsumeStatus {
    const minute = this.#lastMinute;
    const average = (total: string, count: string): number =>
      minute.sum(`${total} ${topic}`) / Math.max(1, minute.sum(`${count} ${topic}`));
    return {
      pullRT: average('pullMs', 'pulls'),
      pullTPS: minute.perSecond(`pulled ${topic}`),
      consumeRT: average('callMs', 'calls'),
      consumeOKTPS: minute.perSecond(`ok ${topic}`),
      consumeFailedTPS: minute.perSecond(`failed ${topic}`),
      consumeFailedMsgs: this.#lastHour.sum(`failed ${topic}`),
    };
  }
}
