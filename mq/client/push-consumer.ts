import type { TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import { encodeConsumerStatus } from '../protocol/consumer-status.ts';
import type { RemotingCommand } from '../protocol/frame.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { assertGroupName, assertTopicName, retryTopic } from '../protocol/names.ts';
import { RequestCode } from '../protocol/request-code.ts';
import { getConsumerStatusFromClient } from '../protocol/requests/get-consumer-status-from-client.ts';
import { notifyConsumerIdsChanged } from '../protocol/requests/notify-consumer-ids-changed.ts';
import { unregisterClient } from '../protocol/requests/unregister-client.ts';
import { ResponseCode } from '../protocol/response-code.ts';
import type { TopicRouteData } from '../protocol/route.ts';
import { SUBSCRIBE_ALL, tagSubscription, type SubscriptionData } from '../protocol/subscription.ts';
import type { Processor, Reply } from '../remoting/processor.ts';
import { Assignment } from './assignment.ts';
import { clientSettings, milliseconds } from './client-options.ts';
import type { ConsumeContext } from './consume-dispatcher.ts';
import type { ConsumeResult } from './consume-result.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { Consumption } from './consumption.ts';
import { Heartbeats } from './heartbeats.ts';
import { clientClosed, MqClient } from './mq-client.ts';
import type { ConsumeOrderlyContext, ConsumeOrderlyResult } from './orderly-listener.ts';
import { inTime } from './pause.ts';
import {
  consumptionSettings,
  pullSettings,
  type PushConsumerOptions,
} from './push-consumer-options.ts';
import type { PullSettings } from './queue-puller.ts';
import { RouteWatch } from './route-watch.ts';

const REBALANCE_MS = 20_000;

/**
 * Consumes topics as one member of a consumer group (clustering): every message goes to one member, at least once.
 *
 * The group's queues are shared out among its members; this one fetches its share and runs the listener on up to
 * `concurrency` messages at a time. With `onMessage` they come in no particular order: a message whose listener throws or
 * returns RECONSUME_LATER is redelivered with growing delays, at last kept in the group's dead-letter queue. With
 * `onMessageOrderly` each queue's messages come one at a time, in the order they were stored.
 */
export class PushConsumer implements AsyncDisposable {
  readonly #client: MqClient;
  readonly #watch: RouteWatch;
  readonly #heartbeats: Heartbeats;
  readonly #assignment: Assignment;
  readonly #consumption: Consumption;
  readonly consumerGroup: string;
  readonly #pullSettings: PullSettings;
  readonly #persistIntervalMs: number;
  readonly #subscriptions = new Map<string, SubscriptionData>();
  readonly #timers: TimerHandle[] = [];
  #subVersion = 0;
  #state: 'new' | 'running' | 'closed' = 'new';
  #shuttingDown: Promise<void> | undefined;

  /** Errors: CONFIG_INVALID, INVALID_ARGUMENT naming the option. */
  constructor(options: PushConsumerOptions) {
    assertGroupName(options.consumerGroup);
    const settings = clientSettings(options);
    this.consumerGroup = options.consumerGroup;
    this.#pullSettings = pullSettings(options, settings.clock.now());
    const consumption = consumptionSettings(options);
    this.#persistIntervalMs = milliseconds('persistIntervalMs', options.persistIntervalMs ?? 5_000);
    this.#client = new MqClient(
      settings,
      new Map<number, Processor>([
        [RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, (request) => this.#groupChanged(request)],
        [RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT, (request) => this.#status(request)],
      ]),
    );
    this.#watch = new RouteWatch(this.#client, (topic, route) => this.#routeChanged(topic, route));
    this.#consumption = new Consumption({
      ...consumption,
      client: this.#client,
      routes: this.#watch.routes,
      onLost: (queue) => this.#assignment.lockIsLost(queue),
      onGained: (queue) => this.#assignment.lockIsGained(queue),
    });
    this.#heartbeats = new Heartbeats(this.#client, {
      data: () => ({
        clientID: settings.clientId,
        producerDataSet: [],
        consumerDataSet: [
          {
            groupName: this.consumerGroup,
            consumeType: 'CONSUME_PASSIVELY',
            messageModel: 'CLUSTERING',
            consumeFromWhere: this.#pullSettings.start.consumeFromWhere,
            subscriptionDataSet: [...this.#subscriptions.values()],
            unitMode: false,
          },
        ],
      }),
      addresses: () => this.#watch.routes.all(),
      onAnnounced: (address) => this.#announced(address),
    });
    this.#assignment = new Assignment({
      client: this.#client,
      watch: this.#watch,
      heartbeats: this.#heartbeats,
      pulling: this.#pullSettings,
      subscription: (topic) => this.#subscriptions.get(topic),
      submit: (deliveries) => this.#consumption.submit(deliveries),
      ordering: () => this.#consumption.ordering,
    });
    this.#client.onConnectionClosed((address) => this.#assignment.brokerIsLost(address));
  }

  get clientId(): string {
    return this.#client.clientId;
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  /** The queues this member owns now. */
  assignedQueues(): MessageQueue[] {
    return this.#assignment.queues();
  }

  /** Addresses of the brokers that took this consumer's latest heartbeat. */
  knownBrokers(): string[] {
    return this.#heartbeats.announcedTo();
  }

  /** Addresses of routed-to brokers that did not; nothing is consumed from them until they do. */
  unreachableBrokers(): string[] {
    return this.#heartbeats.notAnnouncedTo();
  }

  /**
   * Subscribes to a topic, or changes the tags of a subscription; `*` or `TagA || TagB`. Every member of a group must
   * subscribe alike: the broker keeps one subscription per group and topic, the newest.
   *
   * Errors: INVALID_ARGUMENT.
   */
  subscribe(topic: string, tags: string = SUBSCRIBE_ALL): this {
    assertTopicName(topic);
    this.#setSubscription(topic, tags);
    if (this.#state === 'running') this.#inBackground(this.#subscriptionChanged(topic));
    return this;
  }

  unsubscribe(topic: string): this {
    if (!this.#subscriptions.delete(topic)) return this;
    this.#inBackground(this.#leaveTopic(topic));
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
    this.#consumption.listen({ inOrder: false, listener });
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
    this.#consumption.listen({ inOrder: true, listener });
    return this;
  }

  /**
   * Joins the group. When this returns, the consumer knows its queues and where it begins in each, so that what is sent
   * from then on is consumed, provided that brokers could be reached within the request timeout; else it keeps trying.
   *
   * Errors: INVALID_ARGUMENT without a listener or a subscription.
   */
  async start(): Promise<void> {
    if (this.#state === 'closed') throw clientClosed();
    if (this.#state === 'running') return;
    if (!this.#consumption.hasListener) {
      throw new MqError('INVALID_ARGUMENT', 'the consumer has no listener: call onMessage first');
    }
    if (this.#subscriptions.size === 0) {
      throw new MqError(
        'INVALID_ARGUMENT',
        'the consumer has no subscription: call subscribe first',
      );
    }
    this.#state = 'running';
    const { clock } = this.#client.settings;
    this.#consumption.start();
    this.#setSubscription(retryTopic(this.consumerGroup), SUBSCRIBE_ALL);
    this.#watch.start();
    this.#heartbeats.start();
    this.#timers.push(
      clock.setInterval(() => this.#inBackground(this.#assignment.rebalance()), REBALANCE_MS),
      clock.setInterval(
        () => this.#inBackground(this.#assignment.persist()),
        this.#persistIntervalMs,
      ),
    );
    await this.#firstAssignment();
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
    const { clock } = this.#client.settings;
    for (const timer of this.#timers) clock.clearInterval(timer);
    this.#watch.stop();
    this.#assignment.stop();
    await this.#consumption.stop();
    await this.#assignment.release();
    // Until now: brokers cut off who is silent for two minutes, and with the connection go the locks of ordered queues.
    this.#heartbeats.stop();
    await Promise.allSettled(
      this.#heartbeats.announcedTo().map((address) =>
        this.#client.call(address, unregisterClient, {
          clientID: this.#client.clientId,
          consumerGroup: this.consumerGroup,
        }),
      ),
    );
    await this.#client.close();
  }

  /** Routes, then heartbeats, then the retry topic's route, which the first heartbeat makes the broker create, then queues. */
  async #firstAssignment(): Promise<void> {
    const { clock, logger, requestTimeoutMs } = this.#client.settings;
    const assignment = async (): Promise<void> => {
      const topics = [...this.#subscriptions.keys()];
      await Promise.allSettled(topics.map((topic) => this.#watch.refresh(topic)));
      await this.#heartbeats.announceToUnknown();
      await Promise.allSettled([this.#watch.refresh(retryTopic(this.consumerGroup))]);
      await this.#assignment.rebalance();
      await this.#assignment.positioned();
    };
    const deadlineMs = clock.monotonicMs() + requestTimeoutMs;
    const late = (): MqError =>
      new MqError('REQUEST_TIMEOUT', `no assignment within ${requestTimeoutMs} ms`);
    try {
      await inTime(clock, deadlineMs, assignment(), late);
    } catch (error) {
      if (!MqError.is(error)) throw error;
      logger.warn('the consumer starts without its queues and goes on trying', {
        consumerGroup: this.consumerGroup,
        error: error.message,
      });
    }
  }

  async #subscriptionChanged(topic: string): Promise<void> {
    await this.#heartbeats.announce();
    await Promise.allSettled([this.#watch.refresh(topic)]);
    await this.#assignment.rebalance();
  }

  async #leaveTopic(topic: string): Promise<void> {
    // In this order: the last progress report finds its broker by the route.
    await this.#assignment.removeTopic(topic);
    if (this.#subscriptions.has(topic)) return;
    this.#watch.unwatch(topic);
    if (this.#state === 'running') await this.#heartbeats.announce();
  }

  #setSubscription(topic: string, tags: string): void {
    // The broker keeps the highest version: two changes within one millisecond must differ.
    this.#subVersion = Math.max(this.#client.settings.clock.now(), this.#subVersion + 1);
    this.#subscriptions.set(topic, tagSubscription(topic, tags, this.#subVersion));
    this.#assignment.addTopic(topic);
    this.#watch.watch(topic);
  }

  #groupChanged(request: RemotingCommand): undefined {
    const { consumerGroup } = notifyConsumerIdsChanged.decodeRequest(request.extFields);
    if (consumerGroup === this.consumerGroup) this.#inBackground(this.#assignment.rebalance());
    return undefined;
  }

  #status(request: RemotingCommand): Reply {
    const { group, topic } = getConsumerStatusFromClient.decodeRequest(request.extFields);
    if (group !== this.consumerGroup) {
      throw new MqError('SYSTEM_ERROR', `asked for ${group}, this is ${this.consumerGroup}`);
    }
    const body = encodeConsumerStatus(this.#assignment.progress(topic));
    return { code: ResponseCode.SUCCESS, body };
  }

  #routeChanged(topic: string, route: TopicRouteData | undefined): void {
    if (this.#state !== 'running' || !this.#subscriptions.has(topic)) return;
    this.#inBackground(this.#assignment.routeChanged(topic, route));
  }

  #announced(address: string): void {
    this.#assignment.brokerIsBack(address);
    // The broker has made it by now, and what fails first may have to go there at once.
    this.#watch.lookFor(retryTopic(this.consumerGroup));
    this.#inBackground(this.#assignment.rebalance());
  }

  /** For work nobody awaits: what it throws is a defect, to be seen in the log and not to end the process. */
  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#client.settings.logger.error('the consumer failed at a background task', { error });
    });
  }
}
