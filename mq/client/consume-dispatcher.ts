import type { Clock, TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import type { MessageExt } from '../protocol/message.ts';
import { USUAL_RETRY, type ConsumeVerdict, type HandBack } from './consume-result.ts';
import type { ConsumeMeter } from './consume-meter.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { LazyAbort } from './lazy-abort.ts';
import type { ListenerCall } from './listener-call.ts';
import type { ConsumeContext } from './message-listener.ts';

/** Where a message was fetched from, as far as delivering it goes. */
export interface Delivering {
  readonly queue: MessageQueue;
  /** What still runs may finish but no longer counts. */
  readonly isDropped: boolean;
  /** How long this member has for its messages; undefined: for ever. */
  readonly timeLeftMs?: number;
  /** Returns false when the message was finished before. */
  finish(queueOffset: number): boolean;
}

/** One fetched message on its way to the listener. */
export interface Delivery {
  readonly processQueue: Delivering;
  /** As stored, which is what is sent back; only a dead letter's retries are counted anew. */
  readonly record: MessageExt;
  /** undefined when the record's body cannot be read; `fault` says why. */
  readonly message: ConsumedMessage | undefined;
  readonly fault?: MqError;
}

export interface DispatcherOptions {
  concurrency: number;
  consumeTimeoutMs: number;
  call: ListenerCall;
  /**
   * Hands a message back for a later try: at this delay level, to the dead-letter queue at −1 and when unreadable.
   * Rejects when it could not.
   */
  sendBack: (delivery: Delivery, how: HandBack) => Promise<void>;
  meter?: ConsumeMeter;
  clock: Clock;
  logger: Logger;
}

/** When handing a message back failed, it stays here and is tried again after this time. */
const LOCAL_RETRY_MS = 5_000;
/** So many messages may wait before those of dropped queues among them are looked for. */
const WAITING_BEFORE_LOOK = 4_096;

/**
 * Runs the listener on fetched messages, one or a batch of one queue each, at most `concurrency` at a time, in the order they
 * were fetched; one that has outrun consumeTimeoutMs is not counted.
 *
 * A message is finished when the listener succeeded or the broker has taken it back; until then it holds its queue's
 * commit offset. What belongs to a dropped queue is skipped, and if it already runs, its outcome is ignored: the
 * queue's new owner delivers it again.
 */
export class ConsumeDispatcher {
  readonly #options: DispatcherOptions;
  #waiting: Delivery[] = [];
  /** Index of the first delivery in `#waiting` that has not begun. */
  #head = 0;
  #lookAt = WAITING_BEFORE_LOOK;
  readonly #running = new Set<LazyAbort>();
  readonly #retryTimers = new Set<TimerHandle>();
  readonly #timeoutTimers = new Set<TimerHandle>();
  #concurrency: number;
  #isSuspended = false;
  #isStopped = false;
  /** Listeners begun since the event loop last had its turn. */
  #begunInTurn = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#concurrency = options.concurrency;
  }

  submit(deliveries: readonly Delivery[]): void {
    // Not all at once: a pull reply may hold more than a call takes arguments.
    for (const delivery of deliveries) this.#waiting.push(delivery);
    this.#forgetDropped();
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

  /** How many listeners may run at a time from now on; those that run go on. */
  setConcurrency(concurrency: number): void {
    this.#concurrency = concurrency;
    this.#startMore();
  }

  /** Begins with nothing more until `resume`; what runs goes on. */
  suspend(): void {
    this.#isSuspended = true;
  }

  resume(): void {
    this.#isSuspended = false;
    this.#startMore();
  }

  /** Where listeners hang, what was fetched of queues that come and go would pile up. */
  #forgetDropped(): void {
    if (this.#waiting.length - this.#head < this.#lookAt) return;
    this.#waiting = this.#waiting
      .slice(this.#head)
      .filter(({ processQueue }) => !processQueue.isDropped);
    this.#head = 0;
    this.#lookAt = Math.max(WAITING_BEFORE_LOOK, 2 * this.#waiting.length);
  }

  get #mayStart(): boolean {
    const isOpen = !this.#isStopped && !this.#isSuspended;
    return isOpen && Math.max(this.#running.size, this.#begunInTurn) < this.#concurrency;
  }

  #startMore(): void {
    while (this.#mayStart) {
      const batch = this.#nextBatch();
      if (batch.length === 0) break;
      // Listeners that never wait follow one another without the event loop: heartbeats and signals would wait for all.
      if (this.#begunInTurn++ === 0) setImmediate(() => this.#startNextTurn());
      void this.#run(batch);
    }
    // Cut off in large pieces: shifting one by one would move the whole array each time.
    if (this.#head > 1024 || this.#head === this.#waiting.length) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** What waits longest, with as much of its queue as waits right behind it; what cannot be read is alone. */
  #nextBatch(): Delivery[] {
    const batch: Delivery[] = [];
    for (;;) {
      const next = this.#waiting[this.#head];
      if (next === undefined) return batch;
      const [first] = batch;
      const fits =
        first === undefined ||
        (next.processQueue === first.processQueue && next.message !== undefined);
      if (!fits) return batch;
      this.#head++;
      if (next.processQueue.isDropped) continue;
      batch.push(next);
      if (next.message === undefined || batch.length >= this.#options.call.maxSize) return batch;
    }
  }

  #startNextTurn(): void {
    this.#begunInTurn = 0;
    this.#startMore();
  }

  /** Never rejects. */
  async #run(batch: readonly Delivery[]): Promise<void> {
    const context = new LazyAbort();
    this.#running.add(context);
    try {
      await this.#consume(batch, context);
    } finally {
      this.#leave(context);
    }
  }

  #leave(context: LazyAbort): void {
    if (!this.#running.delete(context)) return;
    if (this.#running.size === 0) this.#onIdle?.();
    this.#startMore();
  }

  async #consume(batch: readonly Delivery[], context: LazyAbort): Promise<void> {
    const first = batch[0]!;
    if (first.message === undefined) {
      this.#warn('a message cannot be read and goes to the dead-letter queue', batch, first.fault);
      return this.#handBack(first, USUAL_RETRY);
    }
    let handedBack: Promise<unknown> | undefined;
    const timer = this.#options.clock.setTimeout(
      () => {
        context.abort(new MqError('REQUEST_TIMEOUT', 'consumeTimeoutMs has passed'));
        // It may never end: counted as running, a few that hang would stop the consumer for good.
        this.#leave(context);
        if (first.processQueue.isDropped) return;
        this.#warn(
          'the listener takes longer than consumeTimeoutMs; the message is sent back',
          batch,
        );
        // At once, not when the listener ends: until then the message holds back the whole queue's progress.
        handedBack = Promise.all(batch.map((delivery) => this.#handBack(delivery, USUAL_RETRY)));
      },
      Math.min(this.#options.consumeTimeoutMs, first.processQueue.timeLeftMs ?? Infinity),
    );
    this.#timeoutTimers.add(timer);
    const startedMs = this.#options.clock.monotonicMs();
    const verdicts = await this.#listen(batch, context);
    this.#measure(first, verdicts, startedMs);
    this.#options.clock.clearTimeout(timer);
    this.#timeoutTimers.delete(timer);
    await handedBack;
    if (first.processQueue.isDropped || context.isAborted) return;
    let failures: Promise<void>[] | undefined;
    for (const [index, delivery] of batch.entries()) {
      const verdict = verdicts[index]!;
      if (verdict.isConsumed) delivery.processQueue.finish(delivery.record.queueOffset);
      else (failures ??= []).push(this.#handBack(delivery, verdict));
    }
    if (failures !== undefined) await Promise.all(failures);
  }

  /** Never rejects. */
  async #listen(
    batch: readonly Delivery[],
    context: ConsumeContext,
  ): Promise<readonly ConsumeVerdict[]> {
    const { call } = this.#options;
    try {
      const messages = batch.map(({ message }) => message!);
      const verdicts = call.read(await call.run(messages, context), batch.length);
      this.#warnOfFailures(batch, verdicts);
      return verdicts;
    } catch (error) {
      this.#warn('the listener failed', batch, error);
      return batch.map(() => ({ isConsumed: false, ...USUAL_RETRY }));
    }
  }

  #measure(
    { processQueue }: Delivery,
    verdicts: readonly ConsumeVerdict[],
    startedMs: number,
  ): void {
    const { meter, clock } = this.#options;
    if (meter === undefined) return;
    const okCount = verdicts.reduce((count, { isConsumed }) => count + Number(isConsumed), 0);
    const tookMs = clock.monotonicMs() - startedMs;
    meter.consumed(processQueue.queue, okCount, verdicts.length - okCount, tookMs);
  }

  #warnOfFailures(batch: readonly Delivery[], verdicts: readonly ConsumeVerdict[]): void {
    let told: MqError | undefined;
    for (const [index, verdict] of verdicts.entries()) {
      if (verdict.isConsumed) continue;
      const { fault, failure } = verdict;
      if (failure !== undefined) this.#warn('the listener failed', [batch[index]!], failure.error);
      if (fault === undefined || fault === told) continue;
      this.#warn('the listener returned nonsense; the message is retried', [batch[index]!], fault);
      told = fault;
    }
  }

  /** Never rejects: what the broker does not take is retried here. */
  async #handBack(delivery: Delivery, how: HandBack): Promise<void> {
    const { processQueue, record } = delivery;
    try {
      await this.#options.sendBack(delivery, how);
    } catch (error) {
      this.#warn('a message could not be sent back and is retried here', [delivery], error);
      this.#retryLocally(delivery);
      return;
    }
    if (!processQueue.isDropped) processQueue.finish(record.queueOffset);
  }

  #retryLocally(delivery: Delivery): void {
    if (this.#isStopped || delivery.processQueue.isDropped) return;
    const timer = this.#options.clock.setTimeout(() => {
      this.#retryTimers.delete(timer);
      this.submit([delivery]);
    }, LOCAL_RETRY_MS);
    this.#retryTimers.add(timer);
  }

  #warn(what: string, batch: readonly Delivery[], error?: unknown): void {
    const { record, processQueue } = batch[0]!;
    this.#options.logger.warn(what, {
      queue: queueKey(processQueue.queue),
      queueOffset: record.queueOffset,
      msgId: record.msgId,
      reconsumeTimes: record.reconsumeTimes,
      ...(batch.length > 1 && { batchSize: batch.length }),
      ...(error !== undefined && { error }),
    });
  }
}
