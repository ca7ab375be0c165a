import type { Clock, TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import type { MessageExt } from '../protocol/message.ts';
import { ConsumedMessage } from './consumed-message.ts';
import type { Delivery } from './consume-dispatcher.ts';
import { LazyAbort } from './lazy-abort.ts';
import {
  isOrderlySuccess,
  OrderlyContext,
  type MessageListenerOrderly,
} from './orderly-listener.ts';
import type { ProcessQueue } from './process-queue.ts';

export interface OrderlyDispatcherOptions {
  concurrency: number;
  suspendCurrentQueueTimeMs: number;
  listener: MessageListenerOrderly;
  /** How often a message may fail before it is given up; Infinity for never. */
  maxReconsumeTimes: (record: MessageExt) => number;
  /** Takes a message out of its queue that was given up or cannot be read. Rejects when it could not. */
  giveUp: (delivery: Delivery) => Promise<void>;
  clock: Clock;
  logger: Logger;
}

/** Undefined when the message is done with; else how long its queue rests before it comes again. */
type Suspension = number | undefined;

/** One queue's messages that wait for their turn, and the one that has it. */
interface Line {
  readonly key: string;
  processQueue: ProcessQueue;
  waiting: Delivery[];
  /** Index of the first delivery in `waiting` that is not done with. */
  head: number;
  /** How often the delivery at the head has been suspended here. */
  suspensions: number;
  suspended: TimerHandle | undefined;
  running: LazyAbort | undefined;
  isReady: boolean;
  onIdle: (() => void)[];
}

/**
 * Runs the listener on one message of a queue at a time, in the order they were fetched; on up to `concurrency` queues.
 *
 * A message that fails comes again, and nothing of its queue before it. Two calls for one queue never overlap in this
 * process, not even when the queue was lost and got again while the first one ran. Outcomes of a dropped ProcessQueue are
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
  /** Listeners begun since the event loop last had its turn. */
  #begunInTurn = 0;
  #isStopped = false;

  constructor(options: OrderlyDispatcherOptions) {
    this.#options = options;
  }

  /** The deliveries belong to one ProcessQueue. */
  submit(deliveries: readonly Delivery[]): void {
    const [first] = deliveries;
    if (first === undefined || this.#isStopped) return;
    const line = this.#lineOf(first.processQueue);
    line.waiting.push(...deliveries);
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

  #lineOf(processQueue: ProcessQueue): Line {
    const key = queueKey(processQueue.queue);
    let line = this.#lines.get(key);
    if (line === undefined) {
      line = {
        key,
        processQueue,
        waiting: [],
        head: 0,
        suspensions: 0,
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
    line.suspensions = 0;
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

  #startMore(): void {
    const { concurrency } = this.#options;
    while (
      !this.#isStopped &&
      this.#runningCount < concurrency &&
      this.#begunInTurn < concurrency
    ) {
      const line = this.#ready.shift();
      if (line === undefined) break;
      line.isReady = false;
      if (line.processQueue.isDropped) this.#empty(line);
      const delivery = line.waiting[line.head];
      if (delivery === undefined) {
        this.#forgetIfIdle(line);
        continue;
      }
      // Listeners that never wait follow one another without the event loop: heartbeats and renewals would wait for all.
      if (this.#begunInTurn++ === 0) setImmediate(() => this.#startNextTurn());
      void this.#run(line, delivery);
    }
  }

  #startNextTurn(): void {
    this.#begunInTurn = 0;
    this.#startMore();
  }

  /** Never rejects. */
  async #run(line: Line, delivery: Delivery): Promise<void> {
    const abort = new LazyAbort();
    line.running = abort;
    this.#runningCount++;
    try {
      const suspension = await this.#consume(line, delivery, abort);
      if (!abort.isAborted) this.#settle(line, delivery, suspension);
    } finally {
      line.running = undefined;
      this.#runningCount--;
      for (const resolve of line.onIdle.splice(0)) resolve();
      this.#makeReady(line);
      this.#forgetIfIdle(line);
      this.#startMore();
    }
  }

  async #consume(line: Line, delivery: Delivery, abort: LazyAbort): Promise<Suspension> {
    const { message, processQueue } = delivery;
    const { suspendCurrentQueueTimeMs, maxReconsumeTimes } = this.#options;
    // Read now: the count is the line's, and the line may be given other messages while the listener runs.
    const record = again(delivery.record, line.suspensions);
    const context = new OrderlyContext(abort, suspendCurrentQueueTimeMs);
    if (message === undefined) {
      this.#warn('a message cannot be read and goes to the dead-letter queue', record, delivery);
    } else {
      const consumed =
        line.suspensions === 0
          ? message
          : new ConsumedMessage(record, message.body, message.brokerName);
      const isDone = await this.#listen(consumed, context, delivery);
      const isGivenUp = record.reconsumeTimes >= maxReconsumeTimes(record);
      if (isDone || processQueue.isDropped || abort.isAborted) return undefined;
      if (!isGivenUp) return context.suspensionMs;
    }
    try {
      await this.#options.giveUp({ ...delivery, record });
      return undefined;
    } catch (error) {
      this.#warn('a message could not be given up and is retried here', record, delivery, error);
      return context.suspensionMs;
    }
  }

  /** Returns false when the message is to come again. */
  async #listen(
    message: ConsumedMessage,
    context: OrderlyContext,
    delivery: Delivery,
  ): Promise<boolean> {
    try {
      return isOrderlySuccess(await this.#options.listener(message, context));
    } catch (error) {
      this.#warn('the listener failed', message, delivery, error);
      return false;
    }
  }

  #settle(line: Line, { processQueue, record }: Delivery, suspension: Suspension): void {
    if (processQueue.isDropped) return;
    if (suspension === undefined) processQueue.finish(record.queueOffset);
    // Emptied meanwhile: the queue is being left, or fetched from elsewhere.
    if (line.waiting[line.head]?.record !== record) return;
    if (suspension === undefined) {
      this.#moveOn(line);
      return;
    }
    line.suspensions++;
    line.suspended = this.#options.clock.setTimeout(() => {
      line.suspended = undefined;
      this.#makeReady(line);
      this.#startMore();
    }, suspension);
  }

  #moveOn(line: Line): void {
    line.head++;
    line.suspensions = 0;
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
