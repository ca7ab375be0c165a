import { MqError } from '../errors.ts';
import type { ConsumeDirectlyResult } from '../protocol/consume-directly-result.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import type { MessageBatchListener, MessageBatchListenerOrderly } from './batch-listener.ts';
import { ConsumeDispatcher, type Delivery } from './consume-dispatcher.ts';
import type { ConsumeMeter } from './consume-meter.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { LazyAbort } from './lazy-abort.ts';
import type { MessageListener } from './message-listener.ts';
import type { HandBack } from './consume-result.ts';
import type { FailedMessages } from './failed-messages.ts';
import {
  inBatches,
  inBatchesInOrder,
  oneByOne,
  oneByOneInOrder,
  type ListenerCall,
  type OrderlyListenerCall,
} from './listener-call.ts';
import type { MqClient } from './mq-client.ts';
import { createOrdering, type Ordering } from './ordering.ts';
import { OrderlyContext, type MessageListenerOrderly } from './orderly-listener.ts';
import type { ConsumptionSettings } from './push-consumer-options.ts';
import type { RouteCache } from './route-cache.ts';

/** The application's function, and how it wants its messages. */
export type Listening =
  | { inOrder: false; inBatches: false; listener: MessageListener }
  | { inOrder: false; inBatches: true; listener: MessageBatchListener }
  | { inOrder: true; inBatches: false; listener: MessageListenerOrderly }
  | { inOrder: true; inBatches: true; listener: MessageBatchListenerOrderly };

/** Of a batch listener that does not say: as many as one pull brings, by default. */
const USUAL_BATCH_SIZE = 32;

export interface ConsumptionOptions extends ConsumptionSettings {
  client: MqClient;
  routes: RouteCache;
  /** False when brokers share out the queues, and may say that they are popped. */
  mayBeInOrder: boolean;
  /** What becomes of messages that are not consumed. */
  failed: FailedMessages;
  meter: ConsumeMeter;
  /** Of queues consumed in order: see QueueLocks. */
  onLost: (queue: MessageQueue) => void;
  onGained: (queue: MessageQueue) => void;
}

/** What a consumer does with what it has fetched: its listener, and the dispatcher that runs it the way it asks for. */
export class Consumption {
  readonly #options: ConsumptionOptions;
  #concurrency: number;
  #isSuspended = false;
  #listening: Listening | undefined;
  #dispatcher: ConsumeDispatcher | Ordering['dispatcher'] | undefined;
  #ordering: Ordering | undefined;

  constructor(options: ConsumptionOptions) {
    this.#options = options;
    this.#concurrency = options.concurrency;
  }

  /** undefined before `start`, and for a listener that takes messages in no particular order. */
  get ordering(): Ordering | undefined {
    return this.#ordering;
  }

  /** Errors: INVALID_ARGUMENT when there is a listener already, or this is not a function. */
  listen(listening: Listening): void {
    if (typeof listening.listener !== 'function') {
      throw new MqError(
        'INVALID_ARGUMENT',
        `the listener is a ${typeof listening.listener}, not a function`,
      );
    }
    if (this.#listening !== undefined) {
      throw new MqError('INVALID_ARGUMENT', 'the consumer has a listener already');
    }
    this.#listening = listening;
  }

  /** Errors: INVALID_ARGUMENT without a listener, and for settings that mean nothing to the one there is. */
  assertReady(): void {
    const { messageModel, maxReconsumeTimes, consumeMessageBatchMaxSize = 1 } = this.#options;
    if (this.#listening === undefined) {
      throw new MqError('INVALID_ARGUMENT', 'the consumer has no listener: call onMessage first');
    }
    if (this.#listening.inOrder && !this.#options.mayBeInOrder) {
      throw new MqError(
        'INVALID_ARGUMENT',
        'clientRebalance is false: what is popped comes in no particular order, set the listener with onMessage or onMessages',
      );
    }
    if (consumeMessageBatchMaxSize > 1 && !this.#listening.inBatches) {
      throw new MqError(
        'INVALID_ARGUMENT',
        `consumeMessageBatchMaxSize is ${consumeMessageBatchMaxSize}, but the listener takes one message at a time: ` +
          'set it with onMessages or onMessagesOrderly',
      );
    }
    const hasRetries = messageModel === 'CLUSTERING' || this.#listening.inOrder;
    if (maxReconsumeTimes === undefined || hasRetries) return;
    throw new MqError(
      'INVALID_ARGUMENT',
      `maxReconsumeTimes is ${maxReconsumeTimes}, but a broadcasting consumer retries nothing, unless it consumes in order`,
    );
  }

  start(): void {
    const listening = this.#listening;
    if (listening === undefined) return;
    const { client, consumeTimeoutMs, shutdownGraceMs } = this.#options;
    const { clock, logger } = client.settings;
    const concurrency = this.#concurrency;
    if (listening.inOrder) {
      this.#ordering = createOrdering({
        ...this.#options,
        concurrency,
        isShared: this.#options.messageModel === 'CLUSTERING',
        call: this.#orderlyCall(listening),
        graceMs: shutdownGraceMs,
      });
      this.#dispatcher = this.#ordering.dispatcher;
      this.#ordering.locks?.start();
    } else {
      this.#dispatcher = new ConsumeDispatcher({
        concurrency,
        consumeTimeoutMs,
        call: this.#call(listening),
        sendBack: (delivery, how) => this.#handBack(delivery, how),
        meter: this.#options.meter,
        clock,
        logger,
      });
    }
    if (this.#isSuspended) this.#dispatcher.suspend();
  }

  get inOrder(): boolean {
    return this.#listening?.inOrder === true;
  }

  get concurrency(): number {
    return this.#concurrency;
  }

  /**
   * Runs the listener on one message at once, whatever else it runs on, and says what it made of it. Nothing comes of that:
   * the message is neither retried nor counted as consumed.
   */
  async consumeDirectly(message: ConsumedMessage): Promise<ConsumeDirectlyResult> {
    const listening = this.#listening;
    if (listening === undefined) throw new MqError('SYSTEM_ERROR', 'the consumer has no listener');
    const { clock } = this.#options.client.settings;
    const startedMs = clock.monotonicMs();
    const outcome = await this.#tryDirectly(listening, message);
    return {
      order: listening.inOrder,
      ...outcome,
      spentTimeMills: clock.monotonicMs() - startedMs,
    };
  }

  setConcurrency(concurrency: number): void {
    this.#concurrency = concurrency;
    this.#dispatcher?.setConcurrency(concurrency);
  }

  suspend(): void {
    this.#isSuspended = true;
    this.#dispatcher?.suspend();
  }

  resume(): void {
    this.#isSuspended = false;
    this.#dispatcher?.resume();
  }

  submit(deliveries: readonly Delivery[]): void {
    this.#dispatcher?.submit(deliveries);
  }

  /** Runs the listener on nothing more, and waits for what runs within shutdownGraceMs. */
  async stop(): Promise<void> {
    const { client, shutdownGraceMs } = this.#options;
    const abandoned = (await this.#dispatcher?.stop(shutdownGraceMs)) ?? 0;
    if (abandoned === 0) return;
    client.settings.logger.warn(
      'shut down while listeners were running; their messages will come again',
      { listeners: abandoned, shutdownGraceMs },
    );
  }

  /** Never rejects. */
  async #tryDirectly(
    listening: Listening,
    message: ConsumedMessage,
  ): Promise<Pick<ConsumeDirectlyResult, 'consumeResult' | 'remark'>> {
    const abort = new LazyAbort();
    try {
      let isConsumed: boolean;
      if (listening.inOrder) {
        const call = this.#orderlyCall(listening);
        const context = new OrderlyContext(abort, this.#options.suspendCurrentQueueTimeMs);
        isConsumed = call.read(await call.run([message], context), 1) === 1;
      } else {
        const call = this.#call(listening);
        const [verdict] = call.read(await call.run([message], abort), 1);
        isConsumed = verdict?.isConsumed === true;
      }
      return { consumeResult: isConsumed ? 'CR_SUCCESS' : 'CR_LATER', remark: undefined };
    } catch (error) {
      return { consumeResult: 'CR_THROW_EXCEPTION', remark: String(error) };
    }
  }

  get #batchSize(): number {
    return this.#options.consumeMessageBatchMaxSize ?? USUAL_BATCH_SIZE;
  }

  #call(listening: Listening & { inOrder: false }): ListenerCall {
    return listening.inBatches
      ? inBatches(listening.listener, this.#batchSize)
      : oneByOne(listening.listener);
  }

  #orderlyCall(listening: Listening & { inOrder: true }): OrderlyListenerCall {
    return listening.inBatches
      ? inBatchesInOrder(listening.listener, this.#batchSize)
      : oneByOneInOrder(listening.listener);
  }

  #handBack({ record, processQueue, message }: Delivery, how: HandBack): Promise<void> {
    const { failed } = this.#options;
    return message === undefined
      ? failed.toDeadLetterQueue(record, processQueue.queue)
      : failed.retryLater(record, processQueue.queue, how);
  }
}
