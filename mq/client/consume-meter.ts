import type { Clock } from '../clock.ts';
import type { ConsumeStatus } from '../protocol/consumer-running-info.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import { Rates } from '../rates.ts';

const TEN_MINUTES_MS = 600_000;

/** How fast a consumer fetches and consumes, by topic. A consumer's operators ask for it, nobody else. */
export class ConsumeMeter {
  readonly #clock: Clock;
  readonly #lastMinute: Rates;
  readonly #lastHour: Rates;
  readonly #lastConsumed = new Map<string, number>();

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
