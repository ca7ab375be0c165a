import type { Clock, TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { queueKey } from '../protocol/message-queue.ts';
import type { MessageExt } from '../protocol/message.ts';
import {
  readConsumeResult,
  USUAL_RETRY,
  type ConsumeResult,
  type ConsumeVerdict,
  type HandBack,
} from './consume-result.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { LazyAbort } from './lazy-abort.ts';
import type { ProcessQueue } from './process-queue.ts';

export interface ConsumeContext {
  /**
   * Aborted when the listener should stop: it has run for consumeTimeoutMs, or shutdown has waited long enough.
   * Whatever it returns then counts no more.
   */
  readonly signal: AbortSignal;
}

/** Consumes one message. Throwing means RECONSUME_LATER. */
export type MessageListener = (
  message: ConsumedMessage,
  context: ConsumeContext,
) => Promise<void | ConsumeResult> | void | ConsumeResult;

/** One fetched message on its way to the listener. */
export interface Delivery {
  readonly processQueue: ProcessQueue;
  /** As stored, which is what is sent back; only a dead letter's retries are counted anew. */
  readonly record: MessageExt;
  /** undefined when the record's body cannot be read; `fault` says why. */
  readonly message: ConsumedMessage | undefined;
  readonly fault?: MqError;
}

export interface DispatcherOptions {
  concurrency: number;
  consumeTimeoutMs: number;
  listener: MessageListener;
  /**
   * Hands a message back for a later try: at this delay level, to the dead-letter queue at −1 and when unreadable.
   * Rejects when it could not.
   */
  sendBack: (delivery: Delivery, how: HandBack) => Promise<void>;
  clock: Clock;
  logger: Logger;
}

/** What became of one delivery; `retry` is here and later, `ignored` was somebody else's to decide. */
type Outcome = 'finished' | 'retry' | 'ignored';

/** When handing a message back failed, it stays here and is tried again after this time. */
const LOCAL_RETRY_MS = 5_000;

/**
 * Runs the listener on fetched messages, at most `concurrency` at a time, in the order they were fetched; one that has
 * outrun consumeTimeoutMs is not counted.
 *
 * A message is finished when the listener succeeded or the broker has taken it back; until then it holds its queue's
 * commit offset. What belongs to a dropped queue is skipped, and if it already runs, its outcome is ignored: the
 * queue's new owner delivers it again.
 */
export class ConsumeDispatcher {
  readonly #options: DispatcherOptions;
  readonly #waiting: Delivery[] = [];
  /** Index of the first delivery in `#waiting` that has not begun. */
  #head = 0;
  readonly #running = new Set<LazyAbort>();
  readonly #retryTimers = new Set<TimerHandle>();
  readonly #timeoutTimers = new Set<TimerHandle>();
  #isStopped = false;
  /** Listeners begun since the event loop last had its turn. */
  #begunInTurn = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  submit(deliveries: readonly Delivery[]): void {
    this.#waiting.push(...deliveries);
    this.#startMore();
  }

  /**
   * Starts nothing any more and waits for what runs; after `graceMs` tells it to stop and leaves it.
   *
   * Returns how many listeners were still running then.
   */
  async stop(graceMs: number): Promise<number> {
    this.#isStopped = true;
    this.#waiting.length = 0;
    this.#head = 0;
    const { clock } = this.#options;
    for (const timer of this.#retryTimers) clock.clearTimeout(timer);
    if (this.#running.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = clock.setTimeout(resolve, graceMs);
        this.#onIdle = () => {
          clock.clearTimeout(timer);
          resolve();
        };
      });
    }
    const abandoned = this.#running.size;
    const reason = new MqError('CLIENT_CLOSED', 'the consumer is shutting down');
    for (const context of this.#running) context.abort(reason);
    // Of listeners left running: they would keep the process alive, and send back by a client that is closed.
    for (const timer of this.#timeoutTimers) clock.clearTimeout(timer);
    return abandoned;
  }

  #startMore(): void {
    const { concurrency } = this.#options;
    while (
      !this.#isStopped &&
      this.#running.size < concurrency &&
      this.#begunInTurn < concurrency
    ) {
      const delivery = this.#waiting[this.#head];
      if (delivery === undefined) break;
      this.#head++;
      if (delivery.processQueue.isDropped) continue;
      // Listeners that never wait follow one another without the event loop: heartbeats and signals would wait for all.
      if (this.#begunInTurn++ === 0) setImmediate(() => this.#startNextTurn());
      void this.#run(delivery);
    }
    // Cut off in large pieces: shifting one by one would move the whole array each time.
    if (this.#head > 1024 || this.#head === this.#waiting.length) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
  }

  #startNextTurn(): void {
    this.#begunInTurn = 0;
    this.#startMore();
  }

  /** Never rejects. */
  async #run(delivery: Delivery): Promise<void> {
    const context = new LazyAbort();
    this.#running.add(context);
    try {
      this.#settle(delivery, await this.#consume(delivery, context));
    } finally {
      this.#leave(context);
    }
  }

  #leave(context: LazyAbort): void {
    if (!this.#running.delete(context)) return;
    if (this.#running.size === 0) this.#onIdle?.();
    this.#startMore();
  }

  async #consume(delivery: Delivery, context: LazyAbort): Promise<Outcome> {
    if (delivery.message !== undefined) {
      let handedBack: Promise<void> | undefined;
      const timer = this.#options.clock.setTimeout(() => {
        context.abort(new MqError('REQUEST_TIMEOUT', 'consumeTimeoutMs has passed'));
        // It may never end: counted as running, a few that hang would stop the consumer for good.
        this.#leave(context);
        if (delivery.processQueue.isDropped) return;
        this.#warn(
          'the listener takes longer than consumeTimeoutMs; the message is sent back',
          delivery,
        );
        // At once, not when the listener ends: until then the message holds back the whole queue's progress.
        handedBack = this.#handBack(delivery, USUAL_RETRY).then((outcome) =>
          this.#settle(delivery, outcome),
        );
      }, this.#options.consumeTimeoutMs);
      this.#timeoutTimers.add(timer);
      const verdict = await this.#listen(delivery, delivery.message, context);
      this.#options.clock.clearTimeout(timer);
      this.#timeoutTimers.delete(timer);
      await handedBack;
      if (delivery.processQueue.isDropped || context.isAborted) return 'ignored';
      return verdict.isConsumed ? 'finished' : this.#handBack(delivery, verdict);
    }
    this.#warn(
      'a message cannot be read and goes to the dead-letter queue',
      delivery,
      delivery.fault,
    );
    return this.#handBack(delivery, USUAL_RETRY);
  }

  async #listen(
    delivery: Delivery,
    message: ConsumedMessage,
    context: ConsumeContext,
  ): Promise<ConsumeVerdict> {
    try {
      const verdict = readConsumeResult(await this.#options.listener(message, context));
      if (!verdict.isConsumed && verdict.fault !== undefined) {
        this.#warn(
          'the listener returned nonsense; the message is retried',
          delivery,
          verdict.fault,
        );
      }
      return verdict;
    } catch (error) {
      this.#warn('the listener failed', delivery, error);
      return { isConsumed: false, ...USUAL_RETRY };
    }
  }

  async #handBack(delivery: Delivery, how: HandBack): Promise<Outcome> {
    try {
      await this.#options.sendBack(delivery, how);
      return 'finished';
    } catch (error) {
      this.#warn('a message could not be sent back and is retried here', delivery, error);
      return 'retry';
    }
  }

  #settle(delivery: Delivery, outcome: Outcome): void {
    const { processQueue, record } = delivery;
    if (outcome === 'retry') this.#retryLocally(delivery);
    if (outcome === 'finished' && !processQueue.isDropped) processQueue.finish(record.queueOffset);
  }

  #retryLocally(delivery: Delivery): void {
    if (this.#isStopped || delivery.processQueue.isDropped) return;
    const timer = this.#options.clock.setTimeout(() => {
      this.#retryTimers.delete(timer);
      this.submit([delivery]);
    }, LOCAL_RETRY_MS);
    this.#retryTimers.add(timer);
  }

  #warn(what: string, { record, processQueue }: Delivery, error?: unknown): void {
    this.#options.logger.warn(what, {
      queue: queueKey(processQueue.queue),
      queueOffset: record.queueOffset,
      msgId: record.msgId,
      reconsumeTimes: record.reconsumeTimes,
      ...(error !== undefined && { error }),
    });
  }
}
