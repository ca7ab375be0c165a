import { MqError } from '../errors.ts';
import { UniqKeyGenerator } from '../protocol/message-id.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { assertTopicName, isDlqTopic, isRetryTopic } from '../protocol/names.ts';
import { PropertyKey } from '../protocol/properties.ts';
import { decodeRecallHandle } from '../protocol/recall-handle.ts';
import { sendMessageV2 } from '../protocol/requests/send-message-v2.ts';
import { sendReplyMessageV2 } from '../protocol/requests/send-reply-message-v2.ts';
import { recallMessage } from '../protocol/requests/recall-message.ts';
import { MessageSysFlag } from '../protocol/sys-flag.ts';
import { milliseconds } from './client-options.ts';
import { compressBody } from './compression.ts';
import { addressOf, Delivery, routeOutOfTime, type DeliveryDeps } from './delivery.ts';
import { FaultTolerance } from './fault-tolerance.ts';
import type { MqClient } from './mq-client.ts';
import { outgoingMessage, type Message } from './outgoing-message.ts';
import { inTime } from './pause.ts';
import type { SendOptions, SendSettings } from './producer-options.ts';
import { PublishRoutes } from './publish-routes.ts';
import { replyMarks } from './reply-message.ts';
import { QueueSelector } from './queue-selector.ts';
import type { RouteWatch } from './route-watch.ts';
import { SendLimit } from './send-limit.ts';
import { SendMeter, type SendMetrics } from './send-meter.ts';
import { isBrokerFailure } from './send-failure.ts';
import { batchSend, singleSend, type SendContext, type SendRequest } from './send-request.ts';
import type { SendResult } from './send-result.ts';

/**
 * The way of a message to a broker: encoded once, let through when the producer has not too much under way, then tried on
 * one queue after the other, all within one time budget.
 */
export class MessageSender {
  readonly #client: MqClient;
  readonly #watch: RouteWatch;
  readonly #publishRoutes: PublishRoutes;
  readonly #deps: DeliveryDeps;
  readonly #limit: SendLimit;
  readonly #msgIds: UniqKeyGenerator;
  readonly #settings: SendSettings;
  readonly #meter: SendMeter;

  constructor(client: MqClient, watch: RouteWatch, settings: SendSettings) {
    const { clock, clientIp } = client.settings;
    this.#client = client;
    this.#watch = watch;
    this.#settings = settings;
    const faults = new FaultTolerance({
      clock,
      sendLatencyFaultEnable: settings.sendLatencyFaultEnable,
      isRouted: (brokerName) => watch.routes.broker(brokerName) !== undefined,
    });
    const selector = new QueueSelector(faults);
    const publishRoutes = new PublishRoutes(watch, {
      clock,
      newTopicQueueNums: settings.defaultTopicQueueNums,
      onForgotten: (topic) => selector.forget(topic),
    });
    this.#publishRoutes = publishRoutes;
    this.#meter = new SendMeter(clock);
    const meter = this.#meter;
    this.#deps = { client, watch, publishRoutes, faults, selector, settings, meter };
    this.#limit = new SendLimit({
      clock,
      maxCount: settings.backPressureForAsyncSendNum,
      maxBytes: settings.backPressureForAsyncSendSize,
    });
    this.#msgIds = new UniqKeyGenerator(clientIp, process.pid, () => clock.now());
  }

  /** Errors: NO_ROUTE. */
  queues(topic: string): Promise<readonly MessageQueue[]> {
    return this.#publishRoutes.queues(topic);
  }

  /** A message or, with `replyTo`, a reply. `marks` are properties of the protocol. Errors: INVALID_ARGUMENT, MESSAGE_ILLEGAL. */
  single(message: Message, marks: readonly [string, string][] = []): Promise<SendRequest> {
    const { replyTo } = message;
    if (replyTo === undefined) return this.#encoded(message, marks, 0);
    return this.#encoded(message, [...marks, ...replyMarks(replyTo)], 0);
  }

  /** The half message of a transaction, which no consumer sees before its commit. Errors: as `single`. */
  half(message: Message, checkImmunityTimeSeconds?: number): Promise<SendRequest> {
    const marks: [string, string][] = [
      [PropertyKey.TRAN_MSG, 'true'],
      [PropertyKey.PGROUP, this.#settings.producerGroup],
    ];
    if (checkImmunityTimeSeconds !== undefined) {
      marks.push([PropertyKey.CHECK_IMMUNITY_TIME_IN_SECONDS, String(checkImmunityTimeSeconds)]);
    }
    if (message.replyTo !== undefined) {
      const what = 'a reply is not part of a transaction';
      throw new MqError('INVALID_ARGUMENT', `message for ${message.topic}: ${what}`);
    }
    return this.#encoded(message, marks, MessageSysFlag.TRANSACTION_PREPARED);
  }

  /** Errors: INVALID_ARGUMENT, MESSAGE_ILLEGAL. */
  batch(messages: readonly Message[]): SendRequest {
    const { maxMessageBytes } = this.#settings;
    const outgoing = messages.map((message) =>
      outgoingMessage(message, this.#msgIds.next(), maxMessageBytes),
    );
    return batchSend(outgoing, maxMessageBytes, this.#context());
  }

  /** Errors: see `Producer.recall`. */
  async recall(
    topic: string,
    recallHandle: string,
    options: Pick<SendOptions, 'timeoutMs' | 'signal'>,
  ): Promise<string> {
    assertTopicName(topic);
    if (isRetryTopic(topic) || isDlqTopic(topic)) {
      throw new MqError('INVALID_ARGUMENT', `messages of ${topic} cannot be recalled`);
    }
    const { brokerName } = decodeRecallHandle(recallHandle);
    const { clock } = this.#client.settings;
    const { signal } = options;
    const deadlineMs = this.deadline(options);
    const late = (): MqError => routeOutOfTime(topic);
    // Only to know the topic's brokers.
    await inTime(clock, deadlineMs, this.#publishRoutes.queues(topic), late, signal);
    const address = this.addressOf({ topic, brokerName, queueId: 0 });
    const { producerGroup } = this.#settings;
    const { header } = await this.#client.call(
      address,
      recallMessage,
      { producerGroup, topic, recallHandle, brokerName },
      { timeoutMs: Math.max(1, deadlineMs - clock.monotonicMs()), signal },
    );
    return header.msgId;
  }

  /** Sends without asking for an answer; settles when the connection has taken it. */
  async handOver(
    request: SendRequest,
    message: Message,
    options: SendOptions,
    deadlineMs: number,
  ): Promise<void> {
    const { clock } = this.#client.settings;
    const { faults } = this.#deps;
    const work = async (): Promise<void> => {
      const queue = await this.#delivery(request, message, options, deadlineMs).choose();
      if (options.signal?.aborted === true) return;
      const startedMs = clock.monotonicMs();
      try {
        await this.#client.oneway(
          this.addressOf(queue),
          request.definition,
          request.header(queue),
          { body: request.body },
        );
        faults.note(queue.brokerName, { type: 'answered', startedMs });
      } catch (error) {
        if (MqError.is(error) && isBrokerFailure(error, Infinity)) {
          faults.note(queue.brokerName, { type: 'failed', startedMs });
        }
        throw error;
      }
    };
    const late = (): MqError => routeOutOfTime(request.topic);
    await this.#limited(request, options, deadlineMs, () =>
      inTime(clock, deadlineMs, work(), late, options.signal),
    );
  }

  /** Sends, and settles with the broker's answer. Errors: see `Producer.send`. */
  deliver(
    request: SendRequest,
    message: Message,
    options: SendOptions,
    deadlineMs: number,
  ): Promise<SendResult> {
    return this.#meter.measure(() =>
      this.#limited(request, options, deadlineMs, () =>
        this.#delivery(request, message, options, deadlineMs).run(),
      ),
    );
  }

  metrics(): SendMetrics {
    return this.#meter.metrics();
  }

  addressOf(queue: MessageQueue): string {
    return addressOf(this.#watch, queue);
  }

  /** On the monotonic clock. */
  deadline(options: Pick<SendOptions, 'timeoutMs'>): number {
    return this.#client.settings.clock.monotonicMs() + this.budgetMs(options);
  }

  /** Errors: CONFIG_INVALID naming a time that is none. */
  budgetMs({ timeoutMs }: Pick<SendOptions, 'timeoutMs'>): number {
    return milliseconds('timeoutMs', timeoutMs ?? this.#settings.sendTimeoutMs);
  }

  #delivery(
    request: SendRequest,
    message: Message,
    options: SendOptions,
    deadlineMs: number,
  ): Delivery {
    return new Delivery(this.#deps, request, message, options, deadlineMs);
  }

  #limited<T>(
    { topic, body }: SendRequest,
    { signal }: SendOptions,
    deadlineMs: number,
    work: () => Promise<T>,
  ): Promise<T> {
    if (!this.#settings.enableBackpressureForAsyncMode) return work();
    return this.#limit.run(topic, body.length, deadlineMs, signal, work);
  }

  async #encoded(
    message: Message,
    marks: Iterable<readonly [string, string]>,
    sysFlag: number,
  ): Promise<SendRequest> {
    const { maxMessageBytes, compressMsgBodyOverHowmuch, compressLevel } = this.#settings;
    const outgoing = outgoingMessage(message, this.#msgIds.next(), maxMessageBytes, marks);
    const packed =
      outgoing.body.length >= compressMsgBodyOverHowmuch
        ? await compressBody(outgoing.body, compressLevel)
        : { body: outgoing.body, sysFlag: 0 };
    return singleSend(
      outgoing,
      { body: packed.body, sysFlag: packed.sysFlag | sysFlag },
      this.#context(),
      message.replyTo === undefined ? sendMessageV2 : sendReplyMessageV2,
    );
  }

  #context(): SendContext {
    return {
      producerGroup: this.#settings.producerGroup,
      defaultTopicQueueNums: this.#settings.defaultTopicQueueNums,
      bornTimestamp: this.#client.settings.clock.now(),
    };
  }
}
