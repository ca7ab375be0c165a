import { MqError } from '../errors.ts';
import type { ResponseOf } from '../protocol/define-request.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import type { MessageExt } from '../protocol/message.ts';
import { isRetryTopic } from '../protocol/names.ts';
import { decodePopHandle, encodePopHandle, parseStartOffsetInfo } from '../protocol/pop-handle.ts';
import { PropertyKey } from '../protocol/properties.ts';
import { popMessage } from '../protocol/requests/pop-message.ts';
import { ResponseCode } from '../protocol/response-code.ts';
import type { SubscriptionData } from '../protocol/subscription.ts';
import type { Delivering, Delivery } from './consume-dispatcher.ts';
import { decodePull, matchesTags, readMessage } from './fetched-messages.ts';
import type { MqClient } from './mq-client.ts';
import type { PoppedMessages } from './popped-messages.ts';
import { Rest } from './rest.ts';
import { noRouteTo, type RouteCache } from './route-cache.ts';

/** How long the broker may hold a pop that finds nothing, and how long we then wait for its answer. */
const POLL_TIME_MS = 15_000;
const POP_TIMEOUT_MS = 30_000;
const ERROR_PAUSE_MS = 3_000;
const PAUSED_PAUSE_MS = 1_000;
/** A member that has as much as it may hold looks again at the latest after this time. */
const FULL_PAUSE_MS = 1_000;

export interface PopSettings {
  readonly consumerGroup: string;
  readonly popInvisibleTimeMs: number;
  readonly popBatchNums: number;
  readonly popThresholdForQueue: number;
  /** Where a group begins that is new: at the first message, or at the end. */
  readonly beginsAtFirst: boolean;
  readonly maxBodyBytes: number;
}

export interface PopPullerOptions extends PopSettings {
  client: MqClient;
  routes: RouteCache;
  /** queueId −1 for all queues of the broker. */
  queue: MessageQueue;
  popped: PoppedMessages;
  /** Undefined when there is none (any more). */
  subscription: () => SubscriptionData | undefined;
  submit: (deliveries: readonly Delivery[]) => void;
  doubtRoute: () => void;
}

/** Pops from one queue, or from all queues of a broker, for as long as that is this member's; one pop at a time. */
export class PopPuller {
  readonly queue: MessageQueue;
  readonly #options: PopPullerOptions;
  readonly #rest: Rest;
  readonly #abort = new AbortController();
  #openCount = 0;
  #isStopped = false;
  #isPaused = false;
  #isFull = false;
  #failureCount = 0;

  constructor(options: PopPullerOptions) {
    this.#options = options;
    this.queue = options.queue;
    this.#rest = new Rest(options.client.settings.clock);
  }

  start(): void {
    void this.#run();
  }

  /** Pops no more. What was popped may finish. */
  stop(): void {
    this.#isStopped = true;
    this.#abort.abort();
    this.#rest.end();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#rest.end();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    while (!this.#isStopped) {
      let pauseMs: number;
      try {
        pauseMs = await this.#step();
        this.#failureCount = 0;
      } catch (error) {
        if (this.#isStopped) break;
        this.#logFailure(error);
        this.#options.doubtRoute();
        pauseMs = ERROR_PAUSE_MS;
      }
      if (pauseMs > 0 && !this.#isStopped) await this.#rest.take(pauseMs);
    }
  }

  /** Returns how long to pause before the next step. */
  async #step(): Promise<number> {
    if (this.#isPaused) return PAUSED_PAUSE_MS;
    const { client, popThresholdForQueue, popInvisibleTimeMs, popBatchNums } = this.#options;
    this.#isFull = this.#openCount >= popThresholdForQueue;
    if (this.#isFull) return FULL_PAUSE_MS;
    const subscription = this.#options.subscription();
    // Unsubscribed, and not yet given up.
    if (subscription === undefined) return ERROR_PAUSE_MS;
    const { topic, queueId } = this.queue;
    const { code, header, body } = await client.call(
      this.#address(),
      popMessage,
      {
        consumerGroup: this.#options.consumerGroup,
        topic,
        queueId,
        maxMsgNums: popBatchNums,
        invisibleTime: popInvisibleTimeMs,
        pollTime: POLL_TIME_MS,
        bornTime: client.settings.clock.now(),
        initMode: this.#options.beginsAtFirst ? 0 : 1,
        expType: subscription.expressionType,
        exp: subscription.subString,
        order: false,
      },
      { timeoutMs: POP_TIMEOUT_MS, signal: this.#abort.signal, accept: ACCEPTED },
    );
    if (code === ResponseCode.POLLING_FULL) return ERROR_PAUSE_MS;
    if (code !== ResponseCode.SUCCESS) return 0;
    await this.#take(header, body ?? Buffer.alloc(0), subscription);
    return 0;
  }

  async #take(
    header: ResponseOf<typeof popMessage>,
    body: Buffer,
    subscription: SubscriptionData,
  ): Promise<void> {
    // What nobody consumes here any more comes again elsewhere.
    if (this.#isStopped) return;
    const { popped, submit, client } = this.#options;
    const { records, broken } = decodePull(body);
    if (broken !== undefined) {
      client.settings.logger.warn('a popped message cannot be read and comes again', {
        queue: queueKey(this.queue),
        error: broken.message,
      });
    }
    for (const batch of this.#byQueue(header, records)) {
      const delivering = popped.add({
        queue: this.queue,
        records: batch,
        invisibleMs: header.invisibleTime,
        onDone: (count) => this.#done(count),
      });
      this.#openCount += batch.length;
      const wanted = batch.filter((record) => matchesTags(record, subscription));
      // Not for this group: two tags may share a hash.
      for (const record of batch)
        if (!wanted.includes(record)) delivering.finish(record.queueOffset);
      submit(await Promise.all(wanted.map((record) => this.#delivery(delivering, record))));
    }
  }

  /** Each record with its handle, the records of one queue together. */
  #byQueue(header: ResponseOf<typeof popMessage>, records: readonly MessageExt[]): MessageExt[][] {
    const starts = parseStartOffsetInfo(header.startOffsetInfo);
    const groups = new Map<string, MessageExt[]>();
    for (const record of records) {
      const handle =
        record.properties.get(PropertyKey.POP_CK) ?? this.#handle(header, starts, record);
      record.properties.set(PropertyKey.POP_CK, handle);
      const { isRetry, queueId } = decodePopHandle(handle);
      const key = `${isRetry}@${queueId}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [record]);
      else group.push(record);
    }
    return [...groups.values()];
  }

  #handle(
    header: ResponseOf<typeof popMessage>,
    starts: ReadonlyMap<string, number>,
    { topic, queueId, queueOffset }: MessageExt,
  ): string {
    const isRetry = isRetryTopic(topic);
    return encodePopHandle({
      startOffset: starts.get(`${isRetry ? 1 : 0}@${queueId}`) ?? queueOffset,
      popTime: header.popTime,
      invisibleTime: header.invisibleTime,
      reviveQid: header.reviveQid,
      isRetry,
      brokerName: this.queue.brokerName,
      queueId,
      queueOffset,
    });
  }

  async #delivery(processQueue: Delivering, record: MessageExt): Promise<Delivery> {
    const { maxBodyBytes } = this.#options;
    try {
      const message = await readMessage(record, this.queue.brokerName, maxBodyBytes);
      return { processQueue, record, message };
    } catch (error) {
      if (!MqError.is(error)) throw error;
      return { processQueue, record, message: undefined, fault: error };
    }
  }

  #done(count: number): void {
    this.#openCount -= count;
    if (this.#isFull && this.#openCount < this.#options.popThresholdForQueue) this.#rest.end();
  }

  #address(): string {
    const { brokerName } = this.queue;
    const address = this.#options.routes.masterAddress(brokerName);
    if (address === undefined) throw noRouteTo(brokerName);
    return address;
  }

  /** Once when it begins, not every three seconds. */
  #logFailure(error: unknown): void {
    this.#failureCount++;
    if (this.#failureCount > 1 && MqError.is(error)) return;
    const { logger } = this.#options.client.settings;
    const context = { queue: queueKey(this.queue), error };
    if (MqError.is(error)) logger.warn('popping failed, trying on', context);
    else logger.error('popping failed at a defect, trying on', context);
  }
}

/** Answers that bring no messages and are no failure. Older brokers say PULL_NOT_FOUND. */
const ACCEPTED: readonly number[] = [
  ResponseCode.POLLING_TIMEOUT,
  ResponseCode.POLLING_FULL,
  ResponseCode.PULL_NOT_FOUND,
];
