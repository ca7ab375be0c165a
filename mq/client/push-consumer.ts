import { MqError } from '../errors.ts';
import { encodeConsumeDirectlyResult } from '../protocol/consume-directly-result.ts';
import type { RemotingCommand } from '../protocol/frame.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { decodeRecord } from '../protocol/message.ts';
import { assertGroupName, assertTopicName, retryTopic } from '../protocol/names.ts';
import {
  SUBSCRIBE_ALL,
  subscriptionOf,
  tagSubscription,
  type MessageSelector,
} from '../protocol/subscription.ts';
import { RequestCode } from '../protocol/request-code.ts';
import { consumeMessageDirectly } from '../protocol/requests/consume-message-directly.ts';
import { ResponseCode } from '../protocol/response-code.ts';
import type { Reply } from '../remoting/processor.ts';
import { allocateStrategy, EVERYTHING, shareBy } from './allocation.ts';
import { clientSettings, milliseconds } from './client-options.ts';
import type { ConsumeBatchOrderlyResult, ConsumeBatchResult } from './batch-listener.ts';
import type { ConsumeMetrics } from './consume-meter.ts';
import type { ConsumeContext } from './message-listener.ts';
import type { ConsumeResult } from './consume-result.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { Consumption } from './consumption.ts';
import { DroppedMessages } from './dropped-messages.ts';
import { countedForGroup, readMessage } from './fetched-messages.ts';
import { GroupMember } from './group-member.ts';
import { PopAssignment } from './pop-assignment.ts';
import { LocalOffsets } from './local-offsets.ts';
import { clientClosed } from './mq-client.ts';
import type { ConsumeOrderlyContext, ConsumeOrderlyResult } from './orderly-listener.ts';
import {
  consumptionSettings,
  popSettings,
  pullSettings,
  readConcurrency,
  type PushConsumerOptions,
} from './push-consumer-options.ts';
import type { FlowControl } from './process-queue.ts';
import { SendBack } from './send-back.ts';

/** A queue of which nothing more is fetched until listeners have caught up. */
export interface FlowControlledQueue extends FlowControl {
  readonly queue: MessageQueue;
}

/**
 * Consumes topics as one member of a consumer group: every message goes to one member, at least once; or, with messageModel
 * BROADCASTING, to each, at least once, and what a member fails to consume is not repeated.
 *
 * The group's queues are shared out among its members; this one fetches its share and runs the listener on up to
 * `concurrency` messages at a time. With `onMessage` they come in no particular order: a message whose listener throws or
 * returns RECONSUME_LATER is redelivered with growing delays, at last kept in the group's dead-letter queue. With
 * `onMessageOrderly` each queue's messages come one at a time, in the order they were stored.
 */
export class PushConsumer implements AsyncDisposable {
  readonly #member: GroupMember;
  readonly #consumption: Consumption;
  readonly consumerGroup: string;
  /** Both of a broadcasting consumer. */
  readonly #localOffsets: LocalOffsets | undefined;
  readonly #dropped: DroppedMessages | undefined;
  /** Of a consumer whose queues brokers share out. */
  readonly #popping: PopAssignment | undefined;
  #isSuspended = false;
  #state: 'new' | 'running' | 'closed' = 'new';
  #shuttingDown: Promise<void> | undefined;

  /** Errors: CONFIG_INVALID, INVALID_ARGUMENT naming the option. */
  constructor(options: PushConsumerOptions) {
    assertGroupName(options.consumerGroup);
    const settings = clientSettings(options);
    this.consumerGroup = options.consumerGroup;
    const pulling = pullSettings(options, settings.clock.now());
    const consumption = consumptionSettings(options);
    const popping = popSettings(options);
    const isBroadcasting = consumption.messageModel === 'BROADCASTING';
    const { consumerGroup } = options;
    const member = { consumerGroup, clientId: settings.clientId, logger: settings.logger };
    if (isBroadcasting) {
      this.#localOffsets = new LocalOffsets({ ...options, ...member });
      this.#dropped = new DroppedMessages(consumerGroup, settings.logger);
    }
    this.#member = new GroupMember({
      settings,
      consumerData: {
        groupName: options.consumerGroup,
        consumeType: 'CONSUME_PASSIVELY',
        messageModel: consumption.messageModel,
        consumeFromWhere: pulling.start.consumeFromWhere,
      },
      pulling: { ...pulling, localOffsets: this.#localOffsets },
      persistIntervalMs: milliseconds('persistIntervalMs', options.persistIntervalMs ?? 5_000),
      allocation: isBroadcasting
        ? EVERYTHING
        : shareBy(allocateStrategy(options.allocateMessageQueueStrategy), member),
      submit: (deliveries) => this.#consumption.submit(deliveries),
      ordering: () => this.#consumption.ordering,
      brokerShare: popping && ((topic) => this.#popping!.share(topic)),
      listening: () => this.#consumption,
      requests: new Map([
        [
          RequestCode.CONSUME_MESSAGE_DIRECTLY,
          (request) => this.#consumeDirectly(request, pulling.maxBodyBytes),
        ],
      ]),
    });
    const { client, watch, assignment } = this.#member;
    const sendBack = new SendBack(client, watch.routes, consumption);
    if (popping !== undefined) {
      this.#popping = new PopAssignment({
        ...popping,
        maxBodyBytes: pulling.maxBodyBytes,
        maxReconsumeTimes: consumption.maxReconsumeTimes,
        client,
        watch,
        sendBack,
        subscription: (topic) => this.#member.subscription(topic),
        submit: (deliveries) => this.#consumption.submit(deliveries),
      });
    }
    this.#consumption = new Consumption({
      ...consumption,
      mayBeInOrder: popping === undefined,
      client,
      routes: watch.routes,
      failed: this.#dropped ?? this.#popping?.messages ?? sendBack,
      meter: this.#member.meter,
      onLost: (queue) => assignment.lockIsLost(queue),
      onGained: (queue) => assignment.lockIsGained(queue),
    });
  }

  get clientId(): string {
    return this.#member.client.clientId;
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  /** The queues this member owns now; those it pops have queueId −1 when it is all queues of the broker. */
  assignedQueues(): MessageQueue[] {
    return [...this.#member.assignment.queues(), ...(this.#popping?.queues() ?? [])];
  }

  /** Addresses of the brokers that took this consumer's latest heartbeat. */
  knownBrokers(): string[] {
    return this.#member.heartbeats.announcedTo();
  }

  /** Addresses of routed-to brokers that did not; nothing is consumed from them until they do. */
  unreachableBrokers(): string[] {
    return this.#member.heartbeats.notAnnouncedTo();
  }

  /** Messages that a broadcasting consumer could not consume: each is logged, and comes no more. */
  get droppedCount(): number {
    return this.#dropped?.count ?? 0;
  }

  /** What this member has consumed so far and what is left to it, as plain numbers, to be exported wherever. */
  metrics(): ConsumeMetrics {
    const pullers = [...this.#member.assignment.pullers()];
    return {
      ...this.#member.meter.totals(),
      inFlight: pullers.reduce((sum, { inFlight }) => sum + inFlight, 0),
      queues: pullers.flatMap(({ queue, lag }) => (lag === undefined ? [] : [{ queue, lag }])),
    };
  }

  /**
   * Subscribes to a topic, or changes a subscription: to messages with certain tags, `*` or `TagA || TagB`, or to those whose
   * properties an SQL92 expression selects, `{ sql: "region = 'EU' AND amount > 100" }`. Every member of a group must subscribe
   * alike: the broker keeps one subscription per group and topic, the newest.
   *
   * Errors: INVALID_ARGUMENT; SUBSCRIPTION_PARSE_FAILED with the position.
   */
  subscribe(topic: string, selector: MessageSelector = SUBSCRIBE_ALL): this {
    assertTopicName(topic);
    this.#member.subscribe(topic, (subVersion) => subscriptionOf(topic, selector, subVersion));
    return this;
  }

  unsubscribe(topic: string): this {
    this.#member.unsubscribe(topic);
    this.#popping?.leave(topic);
    return this;
  }

  /**
   * Sets the listener, a `MessageListener`. Returning means consumed; throwing, or returning RECONSUME_LATER, means deliver it again later.
   *
   * Errors: INVALID_ARGUMENT when there is one already, or this is not a function.
   */
  // R, here and below: without it TypeScript 7.0 takes what `async () => 'RECONSUME_LATER'` resolves with for any string.
  onMessage<const R extends ConsumeResult | void>(
    listener: (
      message: ConsumedMessage,
      context: ConsumeContext,
    ) => R | Promise<R | ConsumeResult | void>,
  ): this {
    this.#consumption.listen({ inOrder: false, inBatches: false, listener });
    return this;
  }

  /**
   * Sets a `MessageListenerOrderly`, which gets each queue's messages one at a time, in order; queues run beside each other. Throwing, or
   * returning SUSPEND_CURRENT_QUEUE_A_MOMENT, means: this message again in suspendCurrentQueueTimeMs, and nothing of its
   * queue before it, as often as maxReconsumeTimes allows (without one, until it succeeds).
   *
   * Errors: INVALID_ARGUMENT when there is one already, or this is not a function.
   */
  onMessageOrderly<const R extends ConsumeOrderlyResult | void>(
    listener: (
      message: ConsumedMessage,
      context: ConsumeOrderlyContext,
    ) => R | Promise<R | ConsumeOrderlyResult | void>,
  ): this {
    this.#consumption.listen({ inOrder: true, inBatches: false, listener });
    return this;
  }

  /**
   * As `onMessage`, with up to consumeMessageBatchMaxSize messages of one queue at a time, as many as there are: no batch is
   * waited for. The result is one for all, one for each message, or `{ ackIndex }` for up to where they are consumed; each
   * message that is not is retried by itself. `return Promise.allSettled(messages.map(handle))` does what it should.
   */
  onMessages<const R extends ConsumeBatchResult | void>(
    listener: (
      messages: readonly ConsumedMessage[],
      context: ConsumeContext,
    ) => R | Promise<R | ConsumeBatchResult | void>,
  ): this {
    this.#consumption.listen({ inOrder: false, inBatches: true, listener });
    return this;
  }

  /**
   * As `onMessageOrderly`, with up to consumeMessageBatchMaxSize messages of one queue at a time. What is not consumed (all
   * of them, or those behind `ackIndex`) comes again first.
   */
  onMessagesOrderly<const R extends ConsumeBatchOrderlyResult | void>(
    listener: (
      messages: readonly ConsumedMessage[],
      context: ConsumeOrderlyContext,
    ) => R | Promise<R | ConsumeBatchOrderlyResult | void>,
  ): this {
    this.#consumption.listen({ inOrder: true, inBatches: true, listener });
    return this;
  }

  /** Changes how many listeners run at a time; those that run go on. Java's updateCorePoolSize. Errors: CONFIG_INVALID. */
  setConcurrency(concurrency: number): void {
    this.#consumption.setConcurrency(readConcurrency(concurrency));
  }

  /**
   * Begins with no message and fetches none until `resume`; listeners that run go on, and this member keeps its queues.
   * (Java's goes on with what it has fetched.)
   */
  suspend(): void {
    this.#isSuspended = true;
    this.#consumption.suspend();
    this.#member.assignment.suspend();
    this.#popping?.suspend();
  }

  resume(): void {
    this.#isSuspended = false;
    this.#consumption.resume();
    this.#member.assignment.resume();
    this.#popping?.resume();
  }

  get isSuspended(): boolean {
    return this.#isSuspended;
  }

  /** The queues of which nothing more is fetched at the moment because too much of them waits for the listener, and why. */
  flowControlled(): FlowControlledQueue[] {
    return Array.from(this.#member.assignment.pullers()).flatMap(({ queue, flowControl }) =>
      flowControl === undefined ? [] : [{ ...flowControl, queue }],
    );
  }

  /**
   * Joins the group. When this returns, the consumer knows its queues and where it begins in each, so that what is sent
   * from then on is consumed, provided that brokers could be reached within the request timeout; else it keeps trying.
   *
   * Errors: INVALID_ARGUMENT without a listener or a subscription; SUBSCRIPTION_PARSE_FAILED, SYSTEM_ERROR or
   *         VERSION_NOT_SUPPORTED when a broker does not take an SQL92 expression: nothing has been started then. Of a broadcasting consumer also STORE_FAILED: its progress
   *         cannot be read, or another consumer has the same group and clientId.
   */
  async start(): Promise<void> {
    if (this.#state === 'closed') throw clientClosed();
    if (this.#state === 'running') return;
    this.#consumption.assertReady();
    if (this.#member.topics.length === 0) {
      throw new MqError(
        'INVALID_ARGUMENT',
        'the consumer has no subscription: call subscribe first',
      );
    }
    this.#state = 'running';
    try {
      await this.#member.checkExpressions();
      if (this.isRunning) await this.#localOffsets?.open();
    } catch (error) {
      if (this.isRunning) this.#state = 'new';
      throw error;
    }
    // Shut down meanwhile.
    if (!this.isRunning) return;
    this.#consumption.start();
    if (this.#localOffsets === undefined) {
      const retries = retryTopic(this.consumerGroup);
      this.#member.subscribe(retries, (subVersion) =>
        tagSubscription(retries, SUBSCRIBE_ALL, subVersion),
      );
    }
    await this.#member.start();
  }

  /**
   * Leaves the group: stops fetching, lets running listeners finish within shutdownGraceMs, reports progress, and says
   * good-bye, so that the other members take over at once. What was fetched and not begun is left to them.
   */
  shutdown(): Promise<void> {
    this.#shuttingDown ??= this.#shutdown();
    return this.#shuttingDown;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  async #shutdown(): Promise<void> {
    this.#state = 'closed';
    this.#member.stop();
    this.#popping?.stop();
    await this.#consumption.stop();
    await this.#popping?.messages.close();
    await this.#member.leave();
    this.#localOffsets?.close();
  }

  async #consumeDirectly(request: RemotingCommand, maxBodyBytes: number): Promise<Reply> {
    const { consumerGroup, brokerName } = consumeMessageDirectly.decodeRequest(request.extFields);
    this.#member.assertGroup(consumerGroup);
    // What the listener uses may be closed as soon as those that run have ended.
    if (!this.isRunning) throw clientClosed();
    const record = decodeRecord(request.body ?? Buffer.alloc(0), 0, { verifyCrc: false });
    const message = await readMessage(countedForGroup(record), brokerName ?? '', maxBodyBytes);
    const result = await this.#consumption.consumeDirectly(message);
    return { code: ResponseCode.SUCCESS, body: encodeConsumeDirectlyResult(result) };
  }
}
