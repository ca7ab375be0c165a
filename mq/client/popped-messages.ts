import type { TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import type { MessageExt } from '../protocol/message.ts';
import { decodePopHandle, topicOfHandle } from '../protocol/pop-handle.ts';
import { PropertyKey } from '../protocol/properties.ts';
import { ackMessage } from '../protocol/requests/ack-message.ts';
import { changeMessageInvisibletime } from '../protocol/requests/change-message-invisibletime.ts';
import type { Delivering } from './consume-dispatcher.ts';
import { TO_DEAD_LETTER_QUEUE, type HandBack } from './consume-result.ts';
import type { FailedMessages } from './failed-messages.ts';
import type { MqClient } from './mq-client.ts';
import { pause } from './pause.ts';
import { popDelayMs } from './pop-delay.ts';
import { reconsumeLimitOf } from './reconsume-limit.ts';
import { noRouteTo, type RouteCache } from './route-cache.ts';

const RETRY_AFTER_MS = 1_000;
/** As in Java's consumers, for whom the broker's retryMaxTimes counts for nothing when they pop. */
const USUAL_RECONSUME_LIMIT = 16;

export interface PoppedMessagesOptions {
  client: MqClient;
  routes: RouteCache;
  consumerGroup: string;
  /** undefined: 16. */
  maxReconsumeTimes: number | undefined;
  /** For messages that were pulled, and those that go to the dead-letter queue. */
  sendBack: FailedMessages;
}

/**
 * What one pop brought of one queue: this member's to consume until their invisible time is over. Then they are others', and
 * what becomes of them here counts no more.
 */
class PoppedBatch implements Delivering {
  readonly queue: MessageQueue;
  readonly deadlineMs: number;
  readonly #open = new Set<number>();
  readonly #owner: PoppedMessages;
  readonly #onDone: (count: number) => void;
  readonly #timer: TimerHandle;
  #isOver = false;

  constructor(
    owner: PoppedMessages,
    batch: NewBatch,
    deadlineMs: number,
    startTimer: (over: () => void) => TimerHandle,
  ) {
    this.#owner = owner;
    this.queue = batch.queue;
    this.deadlineMs = deadlineMs;
    this.#onDone = batch.onDone;
    for (const { queueOffset } of batch.records) this.#open.add(queueOffset);
    this.#timer = startTimer(() => this.end());
  }

  get timer(): TimerHandle {
    return this.#timer;
  }

  get isDropped(): boolean {
    return this.#isOver;
  }

  get timeLeftMs(): number {
    return Math.max(0, this.deadlineMs - this.#owner.nowMs);
  }

  get openCount(): number {
    return this.#open.size;
  }

  isOpen(queueOffset: number): boolean {
    return !this.#isOver && this.#open.has(queueOffset);
  }

  /** The message is consumed. */
  finish(queueOffset: number): boolean {
    if (!this.settle(queueOffset)) return false;
    this.#owner.acknowledge(this, queueOffset);
    return true;
  }

  /** Nothing more is to be done here about the message. */
  settle(queueOffset: number): boolean {
    if (!this.#open.delete(queueOffset)) return false;
    this.#onDone(1);
    return true;
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onDone(this.#open.size);
    this.#open.clear();
  }
}

export interface NewBatch {
  readonly queue: MessageQueue;
  /** With their handles as POP_CK. */
  readonly records: readonly MessageExt[];
  readonly invisibleMs: number;
  /** Called for messages that are done, or others' now. */
  readonly onDone: (count: number) => void;
}

/**
 * The popped messages this member has and has not finished: acknowledges what is consumed, lets come again what is not, and
 * gives up what came too often.
 *
 * Order:  an acknowledgement that fails is repeated while the message is invisible; if none gets through, it comes again.
 */
export class PoppedMessages implements FailedMessages {
  readonly #options: PoppedMessagesOptions;
  readonly #batchOf = new WeakMap<MessageExt, PoppedBatch>();
  readonly #handles = new WeakMap<PoppedBatch, Map<number, string>>();
  readonly #batches = new Set<PoppedBatch>();
  readonly #acks = new Set<Promise<void>>();
  readonly #abort = new AbortController();

  constructor(options: PoppedMessagesOptions) {
    this.#options = options;
  }

  /** On the monotonic clock. */
  get nowMs(): number {
    return this.#options.client.settings.clock.monotonicMs();
  }

  /** What a pop has just brought. */
  add(batch: NewBatch): Delivering {
    const { clock } = this.#options.client.settings;
    const deadlineMs = clock.monotonicMs() + batch.invisibleMs;
    const popped = new PoppedBatch(this, batch, deadlineMs, (over) =>
      clock.setTimeout(() => {
        over();
        this.#batches.delete(popped);
      }, batch.invisibleMs),
    );
    const handles = new Map<number, string>();
    for (const record of batch.records) {
      this.#batchOf.set(record, popped);
      handles.set(record.queueOffset, record.properties.get(PropertyKey.POP_CK) ?? '');
    }
    this.#handles.set(popped, handles);
    this.#batches.add(popped);
    return popped;
  }

  acknowledge(batch: Delivering, queueOffset: number): void {
    const popped = batch as PoppedBatch;
    const acknowledged = this.#acknowledge(popped, queueOffset).finally(() => {
      this.#acks.delete(acknowledged);
    });
    this.#acks.add(acknowledged);
    this.#forgetIfDone(popped);
  }

  async retryLater(record: MessageExt, queue: MessageQueue, how: HandBack): Promise<void> {
    const batch = this.#batchOf.get(record);
    if (batch === undefined) return this.#options.sendBack.retryLater(record, queue, how);
    if (!batch.isOpen(record.queueOffset)) return;
    const { maxReconsumeTimes = USUAL_RECONSUME_LIMIT } = this.#options;
    const limit = reconsumeLimitOf(record) ?? maxReconsumeTimes;
    const isGivenUp = how.delayTimeLevel === TO_DEAD_LETTER_QUEUE || record.reconsumeTimes >= limit;
    if (isGivenUp) {
      // The dispatcher finishes it after this, which acknowledges it: in that order nothing is lost.
      const finally_ = { ...how, delayTimeLevel: TO_DEAD_LETTER_QUEUE };
      return this.#options.sendBack.retryLater(record, queue, finally_);
    }
    const delayMs = popDelayMs(how.delayTimeLevel, record.reconsumeTimes);
    await this.#comeAgainIn(record, queue, delayMs);
    batch.settle(record.queueOffset);
    this.#forgetIfDone(batch);
  }

  toDeadLetterQueue(record: MessageExt, queue: MessageQueue): Promise<void> {
    return this.#options.sendBack.toDeadLetterQueue(record, queue);
  }

  giveUp(record: MessageExt, queue: MessageQueue): Promise<void> {
    return this.#options.sendBack.giveUp(record, queue);
  }

  /** Leaves what is not finished to the others, and waits for the acknowledgements on their way. Never rejects. */
  async close(): Promise<void> {
    const { clock } = this.#options.client.settings;
    for (const batch of this.#batches) {
      clock.clearTimeout(batch.timer);
      batch.end();
    }
    this.#batches.clear();
    this.#abort.abort();
    await Promise.all(this.#acks);
  }

  #forgetIfDone(batch: PoppedBatch): void {
    if (batch.openCount > 0 || !this.#batches.delete(batch)) return;
    this.#options.client.settings.clock.clearTimeout(batch.timer);
  }

  async #comeAgainIn(record: MessageExt, queue: MessageQueue, delayMs: number): Promise<void> {
    const handle = record.properties.get(PropertyKey.POP_CK) ?? '';
    const { client } = this.#options;
    try {
      await client.call(this.#address(queue), changeMessageInvisibletime, {
        ...this.#named(handle, queue, record.queueOffset),
        invisibleTime: delayMs,
      });
    } catch (error) {
      // It has come again already.
      if (!MqError.is(error) || error.code !== 'NO_MESSAGE') throw error;
    }
  }

  /** Never rejects. */
  async #acknowledge(batch: PoppedBatch, queueOffset: number): Promise<void> {
    const { client } = this.#options;
    const { clock, logger } = client.settings;
    const { queue, deadlineMs } = batch;
    const handle = this.#handles.get(batch)?.get(queueOffset) ?? '';
    for (;;) {
      try {
        await client.call(
          this.#address(queue),
          ackMessage,
          this.#named(handle, queue, queueOffset),
        );
        return;
      } catch (error) {
        if (!MqError.is(error)) throw error;
        const isLast = this.#abort.signal.aborted || clock.monotonicMs() >= deadlineMs;
        const context = { topic: queue.topic, handle, error: error.message };
        if (isLast || !error.retriable) {
          logger.warn('a consumed message could not be acknowledged and comes again', context);
          return;
        }
        logger.debug('an acknowledgement failed and is repeated', context);
        await pause(clock, RETRY_AFTER_MS, this.#abort.signal).catch(() => undefined);
      }
    }
  }

  #named(
    extraInfo: string,
    { topic }: MessageQueue,
    offset: number,
  ): Parameters<typeof ackMessage.encodeRequest>[0] {
    const { consumerGroup } = this.#options;
    const handle = decodePopHandle(extraInfo);
    return {
      consumerGroup,
      topic: topicOfHandle(handle, topic, consumerGroup),
      queueId: handle.queueId,
      extraInfo,
      offset,
    };
  }

  #address({ brokerName }: MessageQueue): string {
    const address = this.#options.routes.masterAddress(brokerName);
    if (address === undefined) throw noRouteTo(brokerName);
    return address;
  }
}
