import type { Clock, TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import type { MessageExt } from '../protocol/message.ts';
import { ConsumedMessage } from './consumed-message.ts';
import type { Delivering, Delivery } from './consume-dispatcher.ts';
import type { ConsumeMeter } from './consume-meter.ts';
import { LazyAbort } from './lazy-abort.ts';
import type { OrderlyListenerCall } from './listener-call.ts';
import { OrderlyContext } from './orderly-listener.ts';

export interface OrderlyDispatcherOptions {
  concurrency: number;
  suspendCurrentQueueTimeMs: number;
  call: OrderlyListenerCall;
  /** How often a message may fail before it is given up; Infinity for never. */
  maxReconsumeTimes: (record: MessageExt) => number;
  /** Takes a message out of its queue that was given up or cannot be read. Rejects when it could not. */
  giveUp: (delivery: Delivery) => Promise<void>;
  meter?: ConsumeMeter | undefined;
  clock: Clock;
  logger: Logger;
}

/** What became of a batch: what of it is to come again, and how long its queue rests before that. */
interface Outcome {
  readonly again: readonly Delivery[];
  readonly suspensionMs: number;
}

/** One queue's messages that wait for their turn, and those that have it. */
interface Line {
  readonly key: string;
  processQueue: Delivering;
  waiting: Delivery[];
  /** Index of the first delivery in `waiting` that is not done with. */
  head: number;
  /** How often each of those at the head that came before has failed here. */
  readonly failures: Map<Delivery, number>;
  suspended: TimerHandle | undefined;
  running: LazyAbort | undefined;
  isReady: boolean;
  onIdle: (() => void)[];
}

/**
 * Runs the listener on one message of a queue at a time, or on one batch, in the order they were fetched; on up to `concurrency`
 * queues.
 *
 * A message that fails comes again, and nothing of its queue before it; of a batch, all that were not done with. Two calls for one queue never overlap in this
 * process, not even when the queue was lost and got again while the first one ran. Outcomes of a dropped Delivering are
 * ignored: the queue's next owner begins at the committed offset.
 *
 * Source: RocketMQ 5.3 ConsumeMessageOrderlyService.java (suspension times, when a message is given up).
 */
export class OrderlyDispatcher {
  readonly #options: OrderlyDispatcherOptions;
  readonly #lines = new Map<string, Line>();
  /** Lines whose next message may run, each once, those that waited longest first. */
  readonly #ready: Line[] = [];
  #runningCount = 0;
  #concurrency: number;
  #isSuspended = false;
  /** Listeners begun since the event loop last had its turn. */
  #begunInTurn = 0;
  #isStopped = false;

  constructor(options: OrderlyDispatcherOptions) {
    this.#options = options;
    this.#concurrency = options.concurrency;
  }

  /** How many queues may run at a time from now on; those that run go on. */
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

  /** The deliveries belong to one Delivering. */
  submit(deliveries: readonly Delivery[]): void {
    const [first] = deliveries;
    if (first === undefined || this.#isStopped) return;
    const line = this.#lineOf(first.processQueue);
    for (const delivery of deliveries) line.waiting.push(delivery);
    this.#makeReady(line);
    this.#startMore();
  }

  /** The queue is not this member's any more, or begins elsewhere: what waits is forgotten, what runs is told. */
  drop(queue: MessageQueue, reason: string): void {
    const line = this.#lines.get(queueKey(queue));
    if (line === undefined) return;
    this.#empty(line);
    line.running?.abort(new MqError('REQUEST_ABORTED', reason));
    this.#forgetIfIdle(line);
  }

  /**
   * Hands out nothing more of a queue and waits for the listener that runs; after `graceMs` tells it to stop and leaves it.
   */
  async leave(queue: MessageQueue, graceMs: number): Promise<void> {
    const line = this.#lines.get(queueKey(queue));
    if (line === undefined) return;
    this.#empty(line);
    // Once stopped, all have been waited for.
    if (!this.#isStopped) await this.#waitFor([line], graceMs);
    line.running?.abort(new MqError('REQUEST_ABORTED', 'the queue goes to another consumer'));
    this.#forgetIfIdle(line);
  }

  isRunning(queue: MessageQueue): boolean {
    return this.#lines.get(queueKey(queue))?.running !== undefined;
  }

  /** Settles when no listener runs on a message of the queue. */
  idle(queue: MessageQueue): Promise<void> {
    const line = this.#lines.get(queueKey(queue));
    if (line?.running === undefined) return Promise.resolve();
    return new Promise((resolve) => line.onIdle.push(resolve));
  }

  /**
   * Starts nothing any more and waits for what runs; after `graceMs` tells it to stop and leaves it.
   *
   * Returns how many listeners were still running then.
   */
  async stop(graceMs: number): Promise<number> {
    this.#isStopped = true;
    const lines = [...this.#lines.values()];
    for (const line of lines) this.#empty(line);
    await this.#waitFor(lines, graceMs);
    const abandoned = lines.filter(({ running }) => running !== undefined);
    const reason = new MqError('CLIENT_CLOSED', 'the consumer is shutting down');
    for (const { running } of abandoned) running?.abort(reason);
    return abandoned.length;
  }

  #lineOf(processQueue: Delivering): Line {
    const key = queueKey(processQueue.queue);
    let line = this.#lines.get(key);
    if (line === undefined) {
      line = {
        key,
        processQueue,
        waiting: [],
        head: 0,
        failures: new Map(),
        suspended: undefined,
        running: undefined,
        isReady: false,
        onIdle: [],
      };
      this.#lines.set(key, line);
    } else if (line.processQueue !== processQueue) {
      this.#empty(line);
      line.processQueue = processQueue;
    }
    return line;
  }

  #empty(line: Line): void {
    line.waiting = [];
    line.head = 0;
    line.failures.clear();
    this.#options.clock.clearTimeout(line.suspended);
    line.suspended = undefined;
  }

  #forgetIfIdle(line: Line): void {
    if (line.running !== undefined || line.isReady || line.waiting.length > 0) return;
    if (this.#lines.get(line.key) === line) this.#lines.delete(line.key);
  }

  async #waitFor(lines: readonly Line[], graceMs: number): Promise<void> {
    const running = lines.filter((line) => line.running !== undefined);
    if (running.length === 0) return;
    const { clock } = this.#options;
    await new Promise<void>((resolve) => {
      let left = running.length;
      const timer = clock.setTimeout(resolve, graceMs);
      for (const line of running) {
        line.onIdle.push(() => {
          if (--left > 0) return;
          clock.clearTimeout(timer);
          resolve();
        });
      }
    });
  }

  #makeReady(line: Line): void {
    const isBusy = line.running !== undefined || line.suspended !== undefined || line.isReady;
    if (isBusy || line.head === line.waiting.length) return;
    line.isReady = true;
    this.#ready.push(line);
  }

  get #mayStart(): boolean {
    const isOpen = !this.#isStopped && !this.#isSuspended;
    return isOpen && Math.max(this.#runningCount, this.#begunInTurn) < this.#concurrency;
  }

  #startMore(): void {
    while (this.#mayStart) {
      const line = this.#ready.shift();
      if (line === undefined) break;
      line.isReady = false;
      if (line.processQueue.isDropped) this.#empty(line);
      const batch = this.#nextBatch(line);
      if (batch.length === 0) {
        this.#forgetIfIdle(line);
        continue;
      }
      // Listeners that never wait follow one another without the event loop: heartbeats and renewals would wait for all.
      if (this.#begunInTurn++ === 0) setImmediate(() => this.#startNextTurn());
      void this.#run(line, batch);
    }
  }

  /** What cannot be read is alone. */
  #nextBatch({ waiting, head }: Line): Delivery[] {
    const batch = waiting.slice(head, head + this.#options.call.maxSize);
    const unreadable = batch.findIndex(({ message }) => message === undefined);
    return unreadable < 0 ? batch : batch.slice(0, Math.max(unreadable, 1));
  }

  #startNextTurn(): void {
    this.#begunInTurn = 0;
    this.#startMore();
  }

  /** Never rejects. */
  async #run(line: Line, batch: readonly Delivery[]): Promise<void> {
    const abort = new LazyAbort();
    line.running = abort;
    this.#runningCount++;
    try {
      const outcome = await this.#consume(line, batch, abort);
      if (!abort.isAborted) this.#settle(line, batch, outcome);
    } finally {
      line.running = undefined;
      this.#runningCount--;
      for (const resolve of line.onIdle.splice(0)) resolve();
      this.#makeReady(line);
      this.#forgetIfIdle(line);
      this.#startMore();
    }
  }

  async #consume(line: Line, batch: readonly Delivery[], abort: LazyAbort): Promise<Outcome> {
    const { processQueue } = batch[0]!;
    const { suspendCurrentQueueTimeMs, maxReconsumeTimes } = this.#options;
    // Read now: the counts are the line's, and the line may be given other messages while the listener runs.
    const records = batch.map((delivery) =>
      again(delivery.record, line.failures.get(delivery) ?? 0),
    );
    const context = new OrderlyContext(abort, suspendCurrentQueueTimeMs);
    const { clock, meter } = this.#options;
    const startedMs = clock.monotonicMs();
    const doneCount = await this.#listen(batch, records, context);
    const tookMs = clock.monotonicMs() - startedMs;
    meter?.consumed(processQueue.queue, doneCount, batch.length - doneCount, tookMs);
    const toCome: Delivery[] = [];
    for (let index = doneCount; index < batch.length; index++) {
      if (processQueue.isDropped || abort.isAborted) break;
      const [delivery, record] = [batch[index]!, records[index]!];
      const isGivenUp =
        delivery.message === undefined || record.reconsumeTimes >= maxReconsumeTimes(record);
      if (!isGivenUp || !(await this.#giveUp(delivery, record))) toCome.push(delivery);
    }
    return { again: toCome, suspensionMs: context.suspensionMs };
  }

  /** Returns how many messages are done with, from the first. Never rejects. */
  async #listen(
    batch: readonly Delivery[],
    records: readonly MessageExt[],
    context: OrderlyContext,
  ): Promise<number> {
    const { call } = this.#options;
    const first = batch[0]!;
    if (first.message === undefined) {
      this.#warn('a message cannot be read and goes to the dead-letter queue', records[0]!, first);
      return 0;
    }
    const messages = batch.map(({ record, message }, index) => {
      const asCounted = records[index]!;
      const { body, brokerName } = message!;
      return asCounted === record ? message! : new ConsumedMessage(asCounted, body, brokerName);
    });
    try {
      return call.read(await call.run(messages, context), batch.length);
    } catch (error) {
      this.#warn('the listener failed', messages[0]!, first, error);
      return 0;
    }
  }

  /** Returns false when it could not be done, and the message is retried here. */
  async #giveUp(delivery: Delivery, record: MessageExt): Promise<boolean> {
    try {
      await this.#options.giveUp({ ...delivery, record });
      return true;
    } catch (error) {
      this.#warn('a message could not be given up and is retried here', record, delivery, error);
      return false;
    }
  }

  #settle(line: Line, batch: readonly Delivery[], { again: toCome, suspensionMs }: Outcome): void {
    const { processQueue } = batch[0]!;
    if (processQueue.isDropped) return;
    for (const delivery of batch) {
      if (!toCome.includes(delivery)) processQueue.finish(delivery.record.queueOffset);
    }
    // Emptied meanwhile: the queue is being left, or fetched from elsewhere.
    if (line.waiting[line.head] !== batch[0]) return;
    this.#moveOn(line, batch, toCome);
    if (toCome.length === 0) return;
    line.suspended = this.#options.clock.setTimeout(() => {
      line.suspended = undefined;
      this.#makeReady(line);
      this.#startMore();
    }, suspensionMs);
  }

  /** Puts what of the batch is to come again in front of what is behind it. */
  #moveOn(line: Line, batch: readonly Delivery[], toCome: readonly Delivery[]): void {
    line.head += batch.length - toCome.length;
    for (const [index, delivery] of toCome.entries()) {
      line.waiting[line.head + index] = delivery;
      line.failures.set(delivery, (line.failures.get(delivery) ?? 0) + 1);
    }
    if (line.failures.size > toCome.length) {
      for (const delivery of batch) {
        if (!toCome.includes(delivery)) line.failures.delete(delivery);
      }
    }
    // Cut off in large pieces: shifting one by one would move the whole array each time.
    if (line.head > 1024 || line.head === line.waiting.length) {
      line.waiting.splice(0, line.head);
      line.head = 0;
    }
  }

  #warn(
    what: string,
    record: MessageExt,
    { processQueue, fault }: Delivery,
    error?: unknown,
  ): void {
    const reason = error ?? fault;
    this.#options.logger.warn(what, {
      queue: queueKey(processQueue.queue),
      queueOffset: record.queueOffset,
      msgId: record.msgId,
      reconsumeTimes: record.reconsumeTimes,
      ...(reason !== undefined && { error: reason }),
    });
  }
}

/** The record as it counts after so many more failures. */
function again(record: MessageExt, failures: number): MessageExt {
  return failures === 0 ? record : { ...record, reconsumeTimes: record.reconsumeTimes + failures };
}
