import { MqError } from '../errors.ts';
import type { ResponseOf } from '../protocol/define-request.ts';
import type { ProcessQueueInfo } from '../protocol/consumer-running-info.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import type { pullMessage } from '../protocol/requests/pull-message.ts';
import { ResponseCode } from '../protocol/response-code.ts';
import type { SubscriptionData } from '../protocol/subscription.ts';
import type { ConsumeMeter } from './consume-meter.ts';
import type { Delivery } from './consume-dispatcher.ts';
import { decodePull, deliveryOf, matchesTags } from './fetched-messages.ts';
import { firstOffset, type StartingPoint } from './first-offset.ts';
import type { MqClient } from './mq-client.ts';
import { unlessAborted } from './pause.ts';
import type { LocalOffsets } from './local-offsets.ts';
import type { OffsetStore } from './offset-store.ts';
import { ProcessQueue, type FlowControl, type ProcessQueueLimits } from './process-queue.ts';
import { Progress, type AnnounceTo } from './progress.ts';
import { PullLog } from './pull-log.ts';
import { PullSource } from './pull-source.ts';
import type { TopicLimits } from './queue-limits.ts';
import type { LockHold, QueueLock } from './queue-lock.ts';
import { Rest } from './rest.ts';
import type { RouteCache } from './route-cache.ts';

const ERROR_PAUSE_MS = 3_000;
const FLOW_CONTROL_PAUSE_MS = 50;
/** How often a paused queue is looked at; `resume` does not wait for that. */
const PAUSED_PAUSE_MS = 1_000;
/** Against a broker that answers "nothing new" at once instead of holding the request. */
const NO_PROGRESS_PAUSE_MS = 50;
/** Before an unlikely answer is believed: a broker that has just started may not have seen all of its log. */
const SECOND_OPINION_PAUSE_MS = 1_000;
export interface PullSettings {
  start: StartingPoint;
  limits: ProcessQueueLimits;
  /** What all queues of a topic may hold together; see `limitsWithin`. */
  topicLimits?: TopicLimits | undefined;
  /** How long a queue rests after each pull that brought messages. */
  pullIntervalMs?: number | undefined;
  pullBatchSize: number;
  /** Largest body after inflating. */
  maxBodyBytes: number;
  /** Fetches as RocketMQ's lite pull consumers do, and reports as progress what was settled, not what is finished. */
  isLite?: boolean;
  /** Of a lite pull consumer: whether the place where a group without progress begins is settled. */
  settlesStart?: boolean;
  /** Of a broadcasting consumer: keeps its progress instead of the broker. */
  localOffsets?: LocalOffsets | undefined;
  /** Whether all queues together hold as much as they may. */
  isFull?: () => boolean;
  meter?: ConsumeMeter | undefined;
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
  announceTo?: AnnounceTo | undefined;
  /** Called when the queue begins elsewhere: what was handed over counts no more. */
  onMoved?: (() => void) | undefined;
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
  readonly #progress: OffsetStore;
  readonly #source: PullSource;
  readonly #rest: Rest;
  readonly #log: PullLog;
  #isStopped = false;
  #isPaused = false;
  #restsForRoom = false;
  /** Ends the requests under way. */
  #abort = new AbortController();
  #processQueue: ProcessQueue | undefined;
  #hold: LockHold | undefined;
  /** Where the first ProcessQueue began. */
  #beganAt: number | undefined;
  /** Of a lite pull consumer: what its application said it has consumed, in the present ProcessQueue. */
  #settledOffset: number | undefined;
  /** How often it was moved: what was said before counts no more. */
  #moveCount = 0;
  /** ms since epoch. */
  #lastPullAt = 0;
  /** Where the queue ended, as the latest pull said. */
  #seenEnd: number | undefined;
  /** The offset whose surprising answer is being asked for a second time. */
  #doubtedOffset: number | undefined;
  /** Where the broker has moved this consumer to, until it has taken a pull from there. */
  #movedTo: number | undefined;
  #markPositioned: () => void = () => undefined;
  /** Settles when the first offset is known, or when the puller was stopped before that. */
  readonly positioned = new Promise<void>((resolve) => {
    this.#markPositioned = resolve;
  });

  constructor(options: QueuePullerOptions) {
    this.#options = options;
    this.queue = options.queue;
    this.#rest = new Rest(options.client.settings.clock);
    this.#log = new PullLog(options.client.settings, options.queue);
    this.#source = new PullSource(
      options.client,
      options.routes,
      options.queue,
      options.start.consumerGroup,
      options.isLite,
    );
    this.#progress =
      options.localOffsets?.of(options.queue) ??
      new Progress(
        options.client,
        options.routes,
        options.queue,
        options.start.consumerGroup,
        options.announceTo,
      );
  }

  /** Everything below is consumed; undefined while it is not known where to begin, or whose the queue is. */
  get commitOffset(): number | undefined {
    return this.#options.isLite === true ? this.#settledOffset : this.position;
  }

  /** The lowest offset that is not finished; undefined as above. */
  get position(): number | undefined {
    const processQueue = this.#processQueue;
    return processQueue?.isDropped === false ? processQueue.commitOffset : undefined;
  }

  /** Why nothing more is fetched; undefined while that is so for no limit of this queue. */
  get flowControl(): FlowControl | undefined {
    const processQueue = this.#processQueue;
    return processQueue?.isDropped === false ? processQueue.flowControl : undefined;
  }

  /** Messages fetched and not finished. */
  get inFlight(): number {
    const processQueue = this.#processQueue;
    return processQueue?.isDropped === false ? processQueue.unfinishedCount : 0;
  }

  /** Messages that were there at the latest pull and are not finished; undefined before the first. */
  get lag(): number | undefined {
    const { position } = this;
    if (position === undefined || this.#seenEnd === undefined) return undefined;
    return Math.max(0, this.#seenEnd - position);
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
    const { commitOffset } = this;
    if (processQueue === undefined || commitOffset === undefined) return;
    const isInOrder = this.#hold !== undefined;
    // One that waited for its turn while the queue was moved must not come after all.
    const counts = (): boolean =>
      processQueue === this.#processQueue && (!isInOrder || !processQueue.isDropped);
    await this.#progress.report(commitOffset, counts);
  }

  /** As `persist`, for an application that waits for it. Errors: NO_ROUTE; those of the broker. */
  async commit(): Promise<void> {
    const { commitOffset } = this;
    const moveCount = this.#moveCount;
    if (commitOffset === undefined) return;
    await this.#progress.commit(commitOffset, () => moveCount === this.#moveCount);
  }

  /** What is finished by now counts as consumed. */
  settle(): void {
    const { position } = this;
    if (position !== undefined) this.#settledOffset = position;
  }

  /** The application says that everything below an offset does; whatever its broker has been told before. */
  settleAt(queueOffset: number): void {
    this.#settledOffset = queueOffset;
    this.#progress.forget();
  }

  /** The group was reset. The queue may be another member's by now, who is told as well. */
  reset(queueOffset: number): void {
    if (this.lock === undefined || this.#hold?.isTrusted === true) this.moveTo(queueOffset);
  }

  /** Goes on at another offset, at once. What was fetched counts no more, nor does what is on its way. */
  moveTo(queueOffset: number): void {
    if (this.#isStopped) return;
    this.#moveCount++;
    this.#processQueue?.drop();
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#doubtedOffset = undefined;
    this.#settledOffset = undefined;
    this.#processQueue = new ProcessQueue(
      this.queue,
      queueOffset,
      this.#options.limits,
      this.#hold,
    );
    this.#progress.forget();
    this.#options.onMoved?.();
    this.#markPositioned();
    this.#rest.end();
    void this.persist();
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** What operators may ask for. */
  info(): Omit<ProcessQueueInfo, 'lastConsumeTimestamp'> {
    const cached = this.#processQueue?.cached;
    return {
      commitOffset: this.commitOffset ?? -1,
      cachedMsgMinOffset: cached?.lowest ?? 0,
      cachedMsgMaxOffset: cached?.highest ?? 0,
      cachedMsgCount: cached?.count ?? 0,
      cachedMsgSizeInMiB: Math.floor((cached?.bytes ?? 0) / 2 ** 20),
      locked: this.#hold?.isTrusted === true,
      lastLockTimestamp: this.#hold?.renewedAt ?? 0,
      droped: this.#processQueue?.isDropped ?? false,
      lastPullTimestamp: this.#lastPullAt,
    };
  }

  /** Asks for nothing more. What is on its way is still taken in. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#rest.end();
  }

  /** What was fetched has become less: a pause for want of room need not be waited out. */
  hasRoom(): void {
    if (this.#restsForRoom) this.#rest.end();
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
        this.#log.succeeded();
      } catch (error) {
        if (this.#isStopped) break;
        if (signal.aborted) continue;
        this.#log.failed(error);
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
    if (this.#isPaused) return PAUSED_PAUSE_MS;
    const { flowControl } = processQueue;
    if (flowControl !== undefined) this.#log.holdsEnough(flowControl);
    this.#restsForRoom = flowControl !== undefined || this.#options.isFull?.() === true;
    if (this.#restsForRoom) return FLOW_CONTROL_PAUSE_MS;
    const subscription = this.#options.subscription();
    // Unsubscribed, and not yet released.
    if (subscription === undefined) return ERROR_PAUSE_MS;
    const { clock } = this.#options.client.settings;
    const askedMs = clock.monotonicMs();
    this.#lastPullAt = clock.now();
    const offset = processQueue.nextPullOffset;
    const { code, header, body } = await this.#source.pull(
      {
        queueOffset: offset,
        commitOffset: this.#carriesProgress ? processQueue.commitOffset : 0,
        maxMsgNums: this.#options.pullBatchSize,
        subscription,
      },
      this.#abort.signal,
    );
    // Released or reset while the broker held the request.
    if (this.#isStopped || processQueue.isDropped) return 0;
    // Resubscribed meanwhile: what is new in that may have been passed over.
    if (!isSameSelection(subscription, this.#options.subscription())) return 0;
    if (code === ResponseCode.PULL_OFFSET_MOVED) return this.#offsetMoved(offset, header);
    this.#movedTo = undefined;
    this.#seenEnd = header.maxOffset;
    if (code === ResponseCode.SUCCESS) {
      const tookMs = clock.monotonicMs() - askedMs;
      const pauseMs = await this.#take(processQueue, header, body, subscription, tookMs);
      const intervalMs = this.#options.pullIntervalMs ?? 0;
      if (pauseMs > 0 || intervalMs > 0) return Math.max(pauseMs, intervalMs);
    } else {
      processQueue.put([], header.nextBeginOffset);
    }
    const isStuck = processQueue.nextPullOffset === offset;
    return isStuck && clock.monotonicMs() - askedMs < NO_PROGRESS_PAUSE_MS
      ? NO_PROGRESS_PAUSE_MS
      : 0;
  }

  /**
   * Not in order: a broker of several threads might store what a pull carries after a later report, when the queue has a new
   * owner. And not when the progress is none of the broker's business.
   */
  get #carriesProgress(): boolean {
    return this.#hold === undefined && this.#options.localOffsets === undefined;
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
      progress: this.#progress,
      remembered: this.#progress.acknowledgedOffset ?? this.#beganAt,
      signal,
    });
    // Told where to begin instead, while it was asked for.
    if (signal.aborted && this.#processQueue?.isDropped === false) return this.#processQueue;
    this.#beganAt ??= first.queueOffset;
    client.settings.logger.debug('begins to consume a queue', {
      queue: queueKey(queue),
      queueOffset: first.queueOffset,
    });
    if (first.isStored) this.#progress.isKnown(first.queueOffset);
    const processQueue = new ProcessQueue(queue, first.queueOffset, limits, this.#hold);
    this.#processQueue = processQueue;
    // Whoever gets the queue before anything was handed out would begin elsewhere, behind what came meanwhile.
    if (!first.isStored && this.#options.settlesStart === true) {
      this.#settledOffset = first.queueOffset;
    }
    // Where a new group begins is asked for once: the next owner would get another answer and skip what came meanwhile. So
    // would a new broadcasting member that is killed before its first report.
    const isLocal = this.#options.localOffsets !== undefined;
    const told = (isLocal || lock !== undefined) && !first.isStored ? this.persist() : undefined;
    // What is fetched before its place is on disk would be skipped after a kill.
    if (isLocal) await told;
    this.#markPositioned();
    return processQueue;
  }

  /** Takes in the messages of one reply. Returns how long to pause when the reply could not be read to its end. */
  async #take(
    processQueue: ProcessQueue,
    header: ResponseOf<typeof pullMessage>,
    body: Buffer | undefined,
    subscription: SubscriptionData,
    tookMs: number,
  ): Promise<number> {
    const { records, broken } = decodePull(body ?? Buffer.alloc(0));
    const wanted = records.filter((record) => matchesTags(record, subscription));
    const deliveries = await Promise.all(
      wanted.map((record) => deliveryOf(record, processQueue, this.#options.maxBodyBytes)),
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
    this.#options.meter?.pulled(this.queue.topic, taken.length, tookMs);
    this.#options.submit(taken.map(({ delivery }) => delivery));
    if (broken === undefined || records.length > 0) return 0;
    return this.#skipUnreadable(processQueue, broken);
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
    // A reset to where this consumer is anyway concerns what it has fetched and not finished. Said again, it is nonsense.
    if (next === offset && this.#movedTo === next) return ERROR_PAUSE_MS;
    this.#movedTo = next;
    this.#options.client.settings.logger.warn('the broker moved the offset of a queue', {
      queue: queueKey(this.queue),
      from: offset,
      to: next,
      minOffset: header.minOffset,
      maxOffset: header.maxOffset,
    });
    this.moveTo(next);
    return 0;
  }
}

function isSameSelection(asked: SubscriptionData, now: SubscriptionData | undefined): boolean {
  return asked.subString === now?.subString && asked.expressionType === now.expressionType;
}
