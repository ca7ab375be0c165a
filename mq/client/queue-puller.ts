import { MqError } from '../errors.ts';
import type { ResponseOf } from '../protocol/define-request.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import type { MessageExt } from '../protocol/message.ts';
import type { pullMessage } from '../protocol/requests/pull-message.ts';
import { ResponseCode } from '../protocol/response-code.ts';
import type { SubscriptionData } from '../protocol/subscription.ts';
import type { Delivery } from './consume-dispatcher.ts';
import { countedForGroup, decodePull, matchesTags, readMessage } from './fetched-messages.ts';
import { firstOffset, type StartingPoint } from './first-offset.ts';
import type { MqClient } from './mq-client.ts';
import { unlessAborted } from './pause.ts';
import { ProcessQueue, type ProcessQueueLimits } from './process-queue.ts';
import { Progress } from './progress.ts';
import { PullSource } from './pull-source.ts';
import type { LockHold, QueueLock } from './queue-lock.ts';
import { Rest } from './rest.ts';
import type { RouteCache } from './route-cache.ts';

const ERROR_PAUSE_MS = 3_000;
const FLOW_CONTROL_PAUSE_MS = 50;
/** Against a broker that answers "nothing new" at once instead of holding the request. */
const NO_PROGRESS_PAUSE_MS = 50;
/** Before an unlikely answer is believed: a broker that has just started may not have seen all of its log. */
const SECOND_OPINION_PAUSE_MS = 1_000;
/** Of a failure that repeats, every so many is logged as a warning. */
const WARN_EVERY = 20;

/** Normal in a consumer's first seconds, when a pull arrives before the heartbeat that announces the subscription. */
const startUpCodes: ReadonlySet<string> = new Set([
  'SUBSCRIPTION_NOT_EXIST',
  'SUBSCRIPTION_NOT_LATEST',
]);

export interface PullSettings {
  start: StartingPoint;
  limits: ProcessQueueLimits;
  pullBatchSize: number;
  /** Largest body after inflating. */
  maxBodyBytes: number;
}

export interface QueuePullerOptions extends PullSettings {
  client: MqClient;
  routes: RouteCache;
  queue: MessageQueue;
  /** Asked for before each pull: it changes when the application subscribes anew. */
  subscription: () => SubscriptionData | undefined;
  submit: (deliveries: readonly Delivery[]) => void;
  /** Called when the broker does not do what is asked: it may have moved. */
  doubtRoute: () => void;
  /** Of a queue that is consumed in order: it is fetched while this is held, and anew from its progress each time it is got. */
  lock?: QueueLock | undefined;
}

/**
 * Fetches one MessageQueue for as long as this consumer owns it, and reports its progress.
 *
 * One pull at a time is under way; the broker holds it while there is nothing new. Every failure is retried after a
 * pause, for ever: a queue is given up by rebalancing only.
 */
export class QueuePuller {
  readonly queue: MessageQueue;
  readonly #options: QueuePullerOptions;
  readonly #progress: Progress;
  readonly #source: PullSource;
  readonly #rest: Rest;
  #isStopped = false;
  /** Ends the requests under way. */
  #abort = new AbortController();
  #processQueue: ProcessQueue | undefined;
  #hold: LockHold | undefined;
  /** Where the first ProcessQueue began. */
  #beganAt: number | undefined;
  /** The offset whose surprising answer is being asked for a second time. */
  #doubtedOffset: number | undefined;
  #failureCount = 0;
  #markPositioned: () => void = () => undefined;
  /** Settles when the first offset is known, or when the puller was stopped before that. */
  readonly positioned = new Promise<void>((resolve) => {
    this.#markPositioned = resolve;
  });

  constructor(options: QueuePullerOptions) {
    this.#options = options;
    this.queue = options.queue;
    this.#rest = new Rest(options.client.settings.clock);
    this.#source = new PullSource(
      options.client,
      options.routes,
      options.queue,
      options.start.consumerGroup,
    );
    this.#progress = new Progress(
      options.client,
      options.routes,
      options.queue,
      options.start.consumerGroup,
    );
  }

  /** Everything below is consumed; undefined while it is not known where to begin, or whose the queue is. */
  get commitOffset(): number | undefined {
    const processQueue = this.#processQueue;
    return processQueue?.isDropped === false ? processQueue.commitOffset : undefined;
  }

  get lock(): QueueLock | undefined {
    return this.#options.lock;
  }

  start(): void {
    void this.#run();
  }

  /** Pulls no more; what was fetched may finish, and `persist` still works. */
  stop(): void {
    this.#isStopped = true;
    this.#abort.abort();
    this.#rest.end();
    this.#markPositioned();
  }

  /** Stops, and reports the progress made until now; whatever finishes later counts no more. Never rejects. */
  async release(): Promise<void> {
    this.stop();
    const committed = this.persist();
    // Handed over exactly behind what is done: a report that failed is made once more, one that did not costs nothing.
    if (this.#hold !== undefined) await committed.then(() => this.persist());
    this.#processQueue?.drop();
    await committed;
  }

  /** Tells the broker how far consumption has come, if that has changed. Never rejects. */
  async persist(): Promise<void> {
    const processQueue = this.#processQueue;
    if (processQueue === undefined || processQueue.isDropped) return;
    const isInOrder = this.#hold !== undefined;
    await this.#progress.report(
      processQueue.commitOffset,
      () => !isInOrder || !processQueue.isDropped,
    );
  }

  /** The broker has just learned of this consumer: a pause after an error need not be waited out. */
  brokerIsBack(): void {
    this.#rest.end();
  }

  /** The broker may have restarted without our latest report. */
  brokerIsLost(): void {
    this.#progress.forget();
  }

  /** What was fetched counts no more; it is fetched again when the queue is this member's again. */
  lockIsLost(): void {
    this.#processQueue?.drop();
    this.#progress.forget();
    if (this.#isStopped) return;
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#rest.end();
  }

  /** A pause after an error need not be waited out. */
  lockIsGained(): void {
    this.#rest.end();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    while (!this.#isStopped) {
      let pauseMs: number;
      const { signal } = this.#abort;
      try {
        pauseMs = await this.#step();
        this.#failureCount = 0;
      } catch (error) {
        if (this.#isStopped) break;
        if (signal.aborted) continue;
        this.#logFailure(error);
        this.#source.askMaster();
        this.#options.doubtRoute();
        pauseMs = ERROR_PAUSE_MS;
      }
      if (pauseMs > 0 && !this.#isStopped) await this.#rest.take(pauseMs);
    }
  }

  /** Returns how long to pause before the next step. */
  async #step(): Promise<number> {
    const processQueue = await this.#positioned();
    // Stopped, or lost again, while the offset was asked for.
    if (this.#isStopped || processQueue.isDropped) return 0;
    if (processQueue.flow !== 'open') return FLOW_CONTROL_PAUSE_MS;
    const subscription = this.#options.subscription();
    // Unsubscribed, and not yet released.
    if (subscription === undefined) return ERROR_PAUSE_MS;
    const { clock } = this.#options.client.settings;
    const askedMs = clock.monotonicMs();
    const offset = processQueue.nextPullOffset;
    const { code, header, body } = await this.#source.pull(
      {
        queueOffset: offset,
        // A broker of several threads might store what a pull carries after a later report, when the queue has a new owner.
        commitOffset: this.#hold === undefined ? processQueue.commitOffset : 0,
        maxMsgNums: this.#options.pullBatchSize,
        subscription,
      },
      this.#abort.signal,
    );
    // Released or reset while the broker held the request.
    if (this.#isStopped || processQueue.isDropped) return 0;
    if (code === ResponseCode.PULL_OFFSET_MOVED) return this.#offsetMoved(offset, header);
    if (code === ResponseCode.SUCCESS) {
      const pauseMs = await this.#take(processQueue, header, body, subscription);
      if (pauseMs > 0) return pauseMs;
    } else {
      processQueue.put([], header.nextBeginOffset);
    }
    const isStuck = processQueue.nextPullOffset === offset;
    return isStuck && clock.monotonicMs() - askedMs < NO_PROGRESS_PAUSE_MS
      ? NO_PROGRESS_PAUSE_MS
      : 0;
  }

  async #positioned(): Promise<ProcessQueue> {
    const processQueue = this.#processQueue;
    // Dropped here means that the lock was lost; other drops put another ProcessQueue in place at once.
    if (processQueue !== undefined && !processQueue.isDropped) return processQueue;
    return this.#position();
  }

  async #position(): Promise<ProcessQueue> {
    const { client, queue, start, limits, lock } = this.#options;
    const { signal } = this.#abort;
    if (lock !== undefined) {
      this.#hold = await unlessAborted(lock.held(), signal);
      // The offset is asked for after the lock is got: the owner before reports its progress before it gives the lock back.
      // A slave may not have heard of that.
      this.#source.askMaster();
    }
    const first = await firstOffset(client, this.#source.address(), queue, start, {
      // A broker that was killed may have forgotten a new group: begun anew, it would skip what came meanwhile.
      remembered: this.#progress.acknowledgedOffset ?? this.#beganAt,
      signal,
    });
    this.#beganAt ??= first.queueOffset;
    client.settings.logger.debug('begins to consume a queue', {
      queue: queueKey(queue),
      queueOffset: first.queueOffset,
    });
    if (first.isStored) this.#progress.isKnown(first.queueOffset);
    const processQueue = new ProcessQueue(queue, first.queueOffset, limits, this.#hold);
    this.#processQueue = processQueue;
    // Where a new group begins is asked for once: the next owner would get another answer and skip what came meanwhile.
    if (lock !== undefined && !first.isStored) void this.persist();
    this.#markPositioned();
    return processQueue;
  }

  /** Takes in the messages of one reply. Returns how long to pause when the reply could not be read to its end. */
  async #take(
    processQueue: ProcessQueue,
    header: ResponseOf<typeof pullMessage>,
    body: Buffer | undefined,
    subscription: SubscriptionData,
  ): Promise<number> {
    const { records, broken } = decodePull(body ?? Buffer.alloc(0));
    const wanted = records.filter((record) => matchesTags(record, subscription));
    const deliveries = await Promise.all(
      wanted.map((record) => this.#delivery(processQueue, countedForGroup(record))),
    );
    if (this.#isStopped || processQueue.isDropped) return 0;
    const lastOffset = records.at(-1)?.queueOffset;
    const nextOffset = lastOffset === undefined ? processQueue.nextPullOffset : lastOffset + 1;
    const entries = deliveries.map((delivery) => ({
      queueOffset: delivery.record.queueOffset,
      bytes: Math.max(delivery.record.storeSize, delivery.message?.body.length ?? 0),
      delivery,
    }));
    const taken = processQueue.put(
      entries,
      broken === undefined ? header.nextBeginOffset : nextOffset,
    );
    this.#options.submit(taken.map(({ delivery }) => delivery));
    if (broken === undefined || records.length > 0) return 0;
    return this.#skipUnreadable(processQueue, broken);
  }

  async #delivery(processQueue: ProcessQueue, record: MessageExt): Promise<Delivery> {
    const { queue, maxBodyBytes } = this.#options;
    try {
      const message = await readMessage(record, queue.brokerName, maxBodyBytes);
      return { processQueue, record, message };
    } catch (fault) {
      if (!MqError.is(fault)) throw fault;
      return { processQueue, record, message: undefined, fault };
    }
  }

  /**
   * The record at the pull offset has no readable bounds. It is fetched once more, in case the broker read it while it was
   * being written; the second time exactly this one entry is passed over, loudly. The broker still has its bytes.
   */
  #skipUnreadable(processQueue: ProcessQueue, broken: MqError): number {
    const offset = processQueue.nextPullOffset;
    if (this.#doubtedOffset !== offset) {
      this.#doubtedOffset = offset;
      return ERROR_PAUSE_MS;
    }
    this.#doubtedOffset = undefined;
    this.#options.client.settings.logger.error('passed over a record that cannot be decoded', {
      queue: queueKey(this.queue),
      queueOffset: offset,
      error: broken.message,
    });
    processQueue.put([], offset + 1);
    return 0;
  }

  /**
   * The broker says that the offset is outside of what it has, or that the group was reset. An offset beyond the
   * end is asked for twice: moving back repeats messages.
   */
  #offsetMoved(offset: number, header: ResponseOf<typeof pullMessage>): number {
    const next = header.nextBeginOffset;
    if (next < offset && offset > header.maxOffset && this.#doubtedOffset !== offset) {
      this.#doubtedOffset = offset;
      // A slave may not have come so far.
      this.#source.askMaster();
      return SECOND_OPINION_PAUSE_MS;
    }
    this.#doubtedOffset = undefined;
    if (next === offset) return ERROR_PAUSE_MS;
    this.#options.client.settings.logger.warn('the broker moved the offset of a queue', {
      queue: queueKey(this.queue),
      from: offset,
      to: next,
      minOffset: header.minOffset,
      maxOffset: header.maxOffset,
    });
    this.#moveTo(next);
    return 0;
  }

  /** What is fetched and unfinished counts no more. */
  #moveTo(queueOffset: number): void {
    this.#processQueue?.drop();
    this.#processQueue = new ProcessQueue(
      this.queue,
      queueOffset,
      this.#options.limits,
      this.#hold,
    );
    this.#progress.forget();
    void this.persist();
  }

  #logFailure(error: unknown): void {
    const { logger } = this.#options.client.settings;
    const isRoutine = MqError.is(error) && startUpCodes.has(error.code);
    const isNews = this.#failureCount++ % WARN_EVERY === 0;
    logger[isNews && !isRoutine ? 'warn' : 'debug']('cannot pull from a queue', {
      queue: queueKey(this.queue),
      failures: this.#failureCount,
      error: MqError.is(error) ? error.message : error,
    });
  }
}
