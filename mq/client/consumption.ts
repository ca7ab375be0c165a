import { MqError } from '../errors.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { ConsumeDispatcher, type Delivery, type MessageListener } from './consume-dispatcher.ts';
import type { HandBack } from './consume-result.ts';
import type { MqClient } from './mq-client.ts';
import { createOrdering, type Ordering } from './ordering.ts';
import type { MessageListenerOrderly } from './orderly-listener.ts';
import type { ConsumptionSettings } from './push-consumer-options.ts';
import type { RouteCache } from './route-cache.ts';
import { SendBack } from './send-back.ts';

/** The application's function, and how it wants its messages. */
export type Listening =
  | { inOrder: false; listener: MessageListener }
  | { inOrder: true; listener: MessageListenerOrderly };

export interface ConsumptionOptions extends ConsumptionSettings {
  client: MqClient;
  routes: RouteCache;
  /** Of queues consumed in order: see QueueLocks. */
  onLost: (queue: MessageQueue) => void;
  onGained: (queue: MessageQueue) => void;
}

/** What a consumer does with what it has fetched: its listener, and the dispatcher that runs it the way it asks for. */
export class Consumption {
  readonly #options: ConsumptionOptions;
  readonly #sendBack: SendBack;
  #listening: Listening | undefined;
  #dispatcher: ConsumeDispatcher | Ordering['dispatcher'] | undefined;
  #ordering: Ordering | undefined;

  constructor(options: ConsumptionOptions) {
    this.#options = options;
    this.#sendBack = new SendBack(options.client, options.routes, options);
  }

  /** undefined before `start`, and for a listener that takes messages in no particular order. */
  get ordering(): Ordering | undefined {
    return this.#ordering;
  }

  get hasListener(): boolean {
    return this.#listening !== undefined;
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

  start(): void {
    if (this.#listening?.inOrder === true) {
      this.#ordering = createOrdering({
        ...this.#options,
        sendBack: this.#sendBack,
        listener: this.#listening.listener,
        graceMs: this.#options.shutdownGraceMs,
      });
      this.#dispatcher = this.#ordering.dispatcher;
      this.#ordering.locks.start();
    } else if (this.#listening !== undefined) {
      const { client, concurrency, consumeTimeoutMs } = this.#options;
      const { clock, logger } = client.settings;
      this.#dispatcher = new ConsumeDispatcher({
        concurrency,
        consumeTimeoutMs,
        listener: this.#listening.listener,
        sendBack: (delivery, how) => this.#handBack(delivery, how),
        clock,
        logger,
      });
    }
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

  #handBack({ record, processQueue, message }: Delivery, how: HandBack): Promise<void> {
    return message === undefined
      ? this.#sendBack.toDeadLetterQueue(record, processQueue.queue)
      : this.#sendBack.retryLater(record, processQueue.queue, how);
  }
}
