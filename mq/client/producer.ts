import { MqError } from '../errors.ts';
import { UniqKeyGenerator } from '../protocol/message-id.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { assertGroupName } from '../protocol/names.ts';
import { unregisterClient } from '../protocol/requests/unregister-client.ts';
import {
  clientSettings,
  milliseconds,
  positive,
  wholeNumber,
  type ClientOptions,
} from './client-options.ts';
import { compressBody } from './compression.ts';
import { Heartbeats } from './heartbeats.ts';
import { clientClosed, MqClient } from './mq-client.ts';
import { outgoingMessage, type Message } from './outgoing-message.ts';
import { inTime, pause } from './pause.ts';
import { PublishRoutes } from './publish-routes.ts';
import { QueueSelector } from './queue-selector.ts';
import { RouteWatch } from './route-watch.ts';
import { batchSend, singleSend, type SendContext, type SendRequest } from './send-request.ts';
import { sendResult, storedCodes, type SendResult } from './send-result.ts';

export interface ProducerOptions extends ClientOptions {
  producerGroup: string;
  /** Budget of one send over all its attempts, route look-up included. Default 3000. */
  sendTimeoutMs?: number;
  /** Further attempts after the first one failed. Default 2. */
  retryTimesWhenSendFailed?: number;
  /** Bodies of this size in bytes and above are compressed. Default 4096; Infinity for never. */
  compressBodyOverBytes?: number;
  /** Largest body, before compression. Default 4 MiB, which is also the broker's own limit by default. */
  maxMessageBytes?: number;
  /** Queues per broker of a topic that a send creates. Default 4. */
  defaultTopicQueueNums?: number;
}

export interface SendOptions {
  /** Exactly this queue; a failed send is not repeated elsewhere. */
  queue?: MessageQueue;
  /** Chooses the queue, for instance by a key; a failed send is not repeated elsewhere. */
  select?: (queues: readonly MessageQueue[], message: Message) => MessageQueue;
  /** Instead of the producer's sendTimeoutMs. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** Failures that tell something about the broker, not about the message or its topic. */
const brokerFailures: ReadonlySet<string> = new Set([
  'CONNECT_FAILED',
  'CONNECTION_CLOSED',
  'REQUEST_TIMEOUT',
  'SERVICE_NOT_AVAILABLE',
  'SYSTEM_BUSY',
]);
/** Before the same broker is tried again: long enough for the remoting layer's first back-off to pass. */
const SAME_BROKER_PAUSE_MS = 120;

/**
 * Sends messages.
 *
 * A send that fails retriably is repeated on another broker first, within one time budget. A repeated send may store
 * the message twice when only the answer was lost: consumers must expect that, and both copies carry one msgId.
 * Messages whose sends are not awaited one by one may be stored in another order.
 */
export class Producer implements AsyncDisposable {
  readonly #client: MqClient;
  readonly #watch: RouteWatch;
  readonly #publishRoutes: PublishRoutes;
  readonly #heartbeats: Heartbeats;
  readonly #selector: QueueSelector;
  readonly #msgIds: UniqKeyGenerator;
  readonly #producerGroup: string;
  readonly #sendTimeoutMs: number;
  readonly #retryTimes: number;
  readonly #compressOverBytes: number;
  readonly #maxMessageBytes: number;
  readonly #defaultTopicQueueNums: number;
  readonly #underWay = new Set<Promise<unknown>>();
  #state: 'new' | 'running' | 'closed' = 'new';
  #shuttingDown: Promise<void> | undefined;

  /** Errors: CONFIG_INVALID, INVALID_ARGUMENT naming the option. */
  constructor(options: ProducerOptions) {
    assertGroupName(options.producerGroup);
    const settings = clientSettings(options);
    this.#producerGroup = options.producerGroup;
    this.#sendTimeoutMs = milliseconds('sendTimeoutMs', options.sendTimeoutMs ?? 3_000);
    this.#retryTimes = wholeNumber(
      'retryTimesWhenSendFailed',
      options.retryTimesWhenSendFailed ?? 2,
    );
    this.#compressOverBytes = options.compressBodyOverBytes ?? 4096;
    this.#maxMessageBytes = positive('maxMessageBytes', options.maxMessageBytes ?? 4 * 1024 * 1024);
    this.#defaultTopicQueueNums = wholeNumber(
      'defaultTopicQueueNums',
      options.defaultTopicQueueNums ?? 4,
      1,
    );
    this.#client = new MqClient(settings);
    this.#watch = new RouteWatch(this.#client, () => void this.#heartbeats.announceToUnknown());
    this.#publishRoutes = new PublishRoutes(this.#watch, this.#defaultTopicQueueNums);
    this.#selector = new QueueSelector(settings.clock);
    this.#msgIds = new UniqKeyGenerator(settings.clientIp, process.pid, () => settings.clock.now());
    this.#heartbeats = new Heartbeats(this.#client, {
      data: () => ({
        clientID: settings.clientId,
        producerDataSet: [{ groupName: this.#producerGroup }],
        consumerDataSet: [],
      }),
      addresses: () => this.#watch.routes.masters(),
      onAnnounced: () => undefined,
    });
  }

  get clientId(): string {
    return this.#client.clientId;
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  /** Addresses of the brokers that took this producer's latest heartbeat. */
  knownBrokers(): string[] {
    return this.#heartbeats.announcedTo();
  }

  /** Addresses of routed-to brokers that did not. Empty before the first send, which looks up the first route. */
  unreachableBrokers(): string[] {
    return this.#heartbeats.notAnnouncedTo();
  }

  /**
   * Needs no name server to be up yet: routes are looked up by the first send to a topic, which also starts a producer
   * that is not started.
   */
  async start(): Promise<void> {
    if (this.#state === 'closed') throw clientClosed();
    if (this.#state === 'new') this.#begin();
  }

  /**
   * Sends one message and returns where it is stored.
   *
   * Errors: INVALID_ARGUMENT, MESSAGE_ILLEGAL before anything is sent; NO_ROUTE; REQUEST_TIMEOUT when the budget is
   *         used up, REQUEST_ABORTED by `signal` (both leave open whether it was stored); else that of the last attempt.
   */
  send(message: Message, options: SendOptions = {}): Promise<SendResult> {
    return this.#tracked(async () => {
      const deadline = this.#deadline(options);
      return this.#deliver(await this.#single(message), message, options, deadline);
    });
  }

  /** Sends one message and settles when the connection has taken it; whether it was stored is never known. Errors: as `send`. */
  sendOneway(message: Message, options: SendOptions = {}): Promise<void> {
    return this.#tracked(async () => {
      const deadline = this.#deadline(options);
      const request = await this.#single(message);
      const handOver = async (): Promise<void> => {
        const queue = await this.#choose(request, message, options, undefined);
        if (options.signal?.aborted === true) return;
        await this.#client.oneway(
          this.#addressOf(queue),
          request.definition,
          request.header(queue),
          request.body,
        );
      };
      const late = (): MqError => outOfTime(request.topic);
      await inTime(this.#client.settings.clock, deadline, handOver(), late, options.signal);
    });
  }

  /**
   * Sends messages of one topic in one request; all are stored, in order, in one queue, or none.
   *
   * Errors: as `send`; INVALID_ARGUMENT for messages that cannot share a batch (other topic, delayed).
   */
  sendBatch(messages: readonly Message[], options: SendOptions = {}): Promise<SendResult> {
    return this.#tracked(async () => {
      const deadline = this.#deadline(options);
      const outgoing = messages.map((message) =>
        outgoingMessage(message, this.#msgIds.next(), this.#maxMessageBytes),
      );
      const request = batchSend(outgoing, this.#maxMessageBytes, this.#context());
      return this.#deliver(request, messages[0]!, options, deadline);
    });
  }

  /** The queues a message to this topic can go to now, sorted. Errors: NO_ROUTE. */
  async queues(topic: string): Promise<MessageQueue[]> {
    this.#assertRunning();
    return [...(await this.#publishRoutes.queues(topic))];
  }

  /** Waits for the sends under way, which their own budgets bound, and says good-bye to the brokers. */
  shutdown(): Promise<void> {
    this.#shuttingDown ??= this.#shutdown();
    return this.#shuttingDown;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #shutdown(): Promise<void> {
    this.#state = 'closed';
    this.#watch.stop();
    this.#heartbeats.stop();
    await Promise.allSettled(this.#underWay);
    await Promise.allSettled(
      this.#heartbeats.announcedTo().map((address) =>
        this.#client.call(address, unregisterClient, {
          clientID: this.#client.clientId,
          producerGroup: this.#producerGroup,
        }),
      ),
    );
    await this.#client.close();
  }

  async #tracked<T>(send: () => Promise<T>): Promise<T> {
    this.#assertRunning();
    const sending = send();
    this.#underWay.add(sending);
    try {
      return await sending;
    } finally {
      this.#underWay.delete(sending);
    }
  }

  async #single(message: Message): Promise<SendRequest> {
    const outgoing = outgoingMessage(message, this.#msgIds.next(), this.#maxMessageBytes);
    const packed =
      outgoing.body.length >= this.#compressOverBytes
        ? await compressBody(outgoing.body)
        : { body: outgoing.body, sysFlag: 0 };
    return singleSend(outgoing, packed, this.#context());
  }

  async #deliver(
    request: SendRequest,
    message: Message,
    options: SendOptions,
    deadlineMs: number,
  ): Promise<SendResult> {
    const isChosen = options.queue !== undefined || options.select !== undefined;
    const attempts = isChosen ? 1 : 1 + this.#retryTimes;
    let failed: { brokerName: string; error: MqError } | undefined;
    const { clock } = this.#client.settings;
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const queue = await inTime(
        clock,
        deadlineMs,
        this.#choose(request, message, options, failed?.brokerName),
        () => failed?.error ?? outOfTime(request.topic),
        options.signal,
      );
      if (queue.brokerName === failed?.brokerName) {
        await pause(clock, SAME_BROKER_PAUSE_MS * (attempt - 1), options.signal);
      }
      const leftMs = deadlineMs - clock.monotonicMs();
      if (leftMs <= 0) throw failed?.error ?? outOfTime(request.topic);
      // A broker that hangs must not use up what another one needs; a lone broker may have it all.
      const isLast = attempt === attempts || !(await this.#hasOther(queue));
      try {
        return await this.#attempt(request, queue, isLast ? leftMs : leftMs / 2, options.signal);
      } catch (error) {
        if (!MqError.is(error) || !error.retriable || error.code === 'REQUEST_ABORTED') throw error;
        failed = { brokerName: queue.brokerName, error };
        this.#watch.doubt(request.topic);
      }
    }
    throw failed!.error;
  }

  async #attempt(
    request: SendRequest,
    queue: MessageQueue,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<SendResult> {
    try {
      const reply = await this.#client.call(
        this.#addressOf(queue),
        request.definition,
        request.header(queue),
        { body: request.body, timeoutMs, signal, accept: storedCodes },
      );
      this.#selector.succeeded(queue.brokerName);
      return sendResult(queue, request.msgId, reply.code, reply.header);
    } catch (error) {
      if (MqError.is(error) && brokerFailures.has(error.code)) {
        this.#selector.failed(queue.brokerName);
      }
      throw error;
    }
  }

  async #choose(
    request: SendRequest,
    message: Message,
    options: SendOptions,
    lastFailed: string | undefined,
  ): Promise<MessageQueue> {
    const queues = await this.#publishRoutes.queues(request.topic);
    if (options.queue !== undefined) return this.#checkedQueue(request, options.queue);
    if (options.select !== undefined) {
      return this.#checkedQueue(request, options.select(queues, message));
    }
    return this.#selector.next(request.topic, queues, lastFailed)!;
  }

  async #hasOther({ topic, brokerName }: MessageQueue): Promise<boolean> {
    const queues = await this.#publishRoutes.queues(topic);
    return queues.some((queue) => queue.brokerName !== brokerName);
  }

  #checkedQueue(request: SendRequest, queue: MessageQueue | undefined): MessageQueue {
    if (queue?.topic === request.topic) return queue;
    throw new MqError(
      'INVALID_ARGUMENT',
      queue === undefined
        ? `message for ${request.topic}: select chose no queue`
        : `message for ${request.topic}: the chosen queue belongs to ${queue.topic}`,
    );
  }

  #addressOf(queue: MessageQueue): string {
    const address = this.#watch.routes.masterAddress(queue.brokerName);
    if (address !== undefined) return address;
    throw new MqError(
      'NO_ROUTE',
      `broker ${queue.brokerName} of topic ${queue.topic} has no master in the route`,
      { retriable: true, details: { topic: queue.topic, brokerName: queue.brokerName } },
    );
  }

  #context(): SendContext {
    return {
      producerGroup: this.#producerGroup,
      defaultTopicQueueNums: this.#defaultTopicQueueNums,
      bornTimestamp: this.#client.settings.clock.now(),
    };
  }

  #deadline(options: SendOptions): number {
    const timeoutMs = milliseconds('timeoutMs', options.timeoutMs ?? this.#sendTimeoutMs);
    return this.#client.settings.clock.monotonicMs() + timeoutMs;
  }

  #assertRunning(): void {
    if (this.#state === 'closed') throw clientClosed();
    if (this.#state === 'new') this.#begin();
  }

  #begin(): void {
    this.#state = 'running';
    this.#watch.start();
    this.#heartbeats.start();
  }
}

function outOfTime(topic: string): MqError {
  return new MqError(
    'REQUEST_TIMEOUT',
    `finding a broker for ${topic} took the whole time budget`,
    {
      retriable: true,
      details: { topic },
    },
  );
}
