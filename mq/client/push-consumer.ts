import type { TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import { decodeConsumerList } from '../protocol/consumer-list.ts';
import type { RemotingCommand } from '../protocol/frame.ts';
import { assertGroupName, assertTopicName, retryTopic } from '../protocol/names.ts';
import { RequestCode } from '../protocol/request-code.ts';
import { getConsumerListByGroup } from '../protocol/requests/get-consumer-list-by-group.ts';
import { notifyConsumerIdsChanged } from '../protocol/requests/notify-consumer-ids-changed.ts';
import { unregisterClient } from '../protocol/requests/unregister-client.ts';
import type { TopicRouteData } from '../protocol/route.ts';
import { SUBSCRIBE_ALL, tagSubscription, type SubscriptionData } from '../protocol/subscription.ts';
import { clientSettings, positive, wholeNumber, type ClientOptions } from './client-options.ts';
import { ConsumeDispatcher, type Delivery, type MessageListener } from './consume-dispatcher.ts';
import { Heartbeats } from './heartbeats.ts';
import { queueKey, type MessageQueue } from './message-queue.ts';
import { clientClosed, MqClient } from './mq-client.ts';
import { inTime } from './pause.ts';
import { QueuePuller, type PullSettings } from './queue-puller.ts';
import { Rebalance, type RebalanceEffect } from './rebalance.ts';
import { RouteWatch } from './route-watch.ts';
import { SendBack } from './send-back.ts';
import { anyAddress, readableQueues } from './topic-queues.ts';

export interface PushConsumerOptions extends ClientOptions {
  consumerGroup: string;
  /** Where a group begins that has no progress yet. Default CONSUME_FROM_LAST_OFFSET. */
  consumeFromWhere?:
    'CONSUME_FROM_LAST_OFFSET' | 'CONSUME_FROM_FIRST_OFFSET' | 'CONSUME_FROM_TIMESTAMP';
  /** For CONSUME_FROM_TIMESTAMP, ms since epoch. Default: half an hour before now. */
  consumeTimestampMs?: number;
  /** Listeners running at a time, over all queues. Default 20. */
  concurrency?: number;
  /** Redeliveries before a message goes to the dead-letter queue. Default 16. */
  maxReconsumeTimes?: number;
  /** A listener that takes longer has its signal aborted and its message sent back. Default 15 minutes. */
  consumeTimeoutMs?: number;
  pullBatchSize?: number;
  /** Fetched and unfinished messages of one queue at which pulling pauses. Default 1000. */
  pullThresholdForQueue?: number;
  /** The same in bytes. Default 100 MiB. */
  pullThresholdBytesForQueue?: number;
  /** Distance between lowest and highest unfinished offset at which pulling pauses. Default 2000. */
  consumeConcurrentlyMaxSpan?: number;
  /** Largest body after inflating; a larger one goes to the dead-letter queue. Default 16 MiB. */
  maxBodyBytes?: number;
  /** How often progress is reported. Default 5000. */
  persistIntervalMs?: number;
  /** How long shutdown waits for running listeners. Default 10,000. */
  shutdownGraceMs?: number;
}

const REBALANCE_MS = 20_000;
/** After telling a broker that it does not list this client: until it is likely to. */
const AFTER_ANNOUNCE_MS = 1_000;

/**
 * Consumes topics as one member of a consumer group (clustering): every message goes to one member, at least once.
 *
 * The group's queues are shared out among its members; this one fetches its share and runs the listener on up to
 * `concurrency` messages at a time, in no particular order. A message whose listener throws or returns RECONSUME_LATER
 * is redelivered with growing delays, at last kept in the group's dead-letter queue.
 */
export class PushConsumer implements AsyncDisposable {
  readonly #client: MqClient;
  readonly #watch: RouteWatch;
  readonly #heartbeats: Heartbeats;
  readonly #rebalance: Rebalance;
  readonly #sendBack: SendBack;
  readonly consumerGroup: string;
  readonly #pullSettings: PullSettings;
  readonly #dispatcherOptions: { concurrency: number; consumeTimeoutMs: number };
  readonly #persistIntervalMs: number;
  readonly #shutdownGraceMs: number;
  readonly #subscriptions = new Map<string, SubscriptionData>();
  readonly #pullers = new Map<string, QueuePuller>();
  /** Queues given up whose last progress report is under way. */
  readonly #leaving = new Map<string, Promise<void>>();
  readonly #timers: TimerHandle[] = [];
  #announceTimer: TimerHandle | undefined;
  #listener: MessageListener | undefined;
  #dispatcher: ConsumeDispatcher | undefined;
  #subVersion = 0;
  #isRebalanceDue = false;
  #rebalancing: Promise<void> | undefined;
  #state: 'new' | 'running' | 'closed' = 'new';
  #shuttingDown: Promise<void> | undefined;

  /** Errors: CONFIG_INVALID, INVALID_ARGUMENT naming the option. */
  constructor(options: PushConsumerOptions) {
    assertGroupName(options.consumerGroup);
    const settings = clientSettings(options);
    this.consumerGroup = options.consumerGroup;
    this.#pullSettings = pullSettings(options, settings.clock.now());
    this.#dispatcherOptions = {
      concurrency: wholeNumber('concurrency', options.concurrency ?? 20, 1),
      consumeTimeoutMs: positive('consumeTimeoutMs', options.consumeTimeoutMs ?? 15 * 60_000),
    };
    this.#persistIntervalMs = positive('persistIntervalMs', options.persistIntervalMs ?? 5_000);
    this.#shutdownGraceMs = positive('shutdownGraceMs', options.shutdownGraceMs ?? 10_000);
    this.#client = new MqClient(
      settings,
      new Map([
        [RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, (request) => this.#groupChanged(request)],
      ]),
    );
    this.#watch = new RouteWatch(this.#client, (topic, route) => this.#routeChanged(topic, route));
    this.#rebalance = new Rebalance(settings.clientId);
    this.#sendBack = new SendBack(this.#client, this.#watch.routes, {
      consumerGroup: this.consumerGroup,
      maxReconsumeTimes: wholeNumber('maxReconsumeTimes', options.maxReconsumeTimes ?? 16),
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
    this.#client.onConnectionClosed((address) => {
      for (const puller of this.#pullersAt(address)) puller.brokerIsLost();
    });
  }

  get clientId(): string {
    return this.#client.clientId;
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  /** The queues this member owns now. */
  assignedQueues(): MessageQueue[] {
    return Array.from(this.#pullers.values(), (puller) => puller.queue);
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
    this.#inBackground(this.#apply(this.#rebalance.handle({ type: 'unsubscribed', topic })));
    this.#watch.unwatch(topic);
    if (this.#state === 'running') void this.#heartbeats.announce();
    return this;
  }

  /**
   * Sets the listener. Returning means consumed; throwing, or returning RECONSUME_LATER, means deliver it again later.
   *
   * Errors: INVALID_ARGUMENT when there is one already.
   */
  onMessage(listener: MessageListener): this {
    if (this.#listener !== undefined) {
      throw new MqError('INVALID_ARGUMENT', 'the consumer has a listener already');
    }
    this.#listener = listener;
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
    const listener = this.#listener;
    if (listener === undefined) {
      throw new MqError('INVALID_ARGUMENT', 'the consumer has no listener: call onMessage first');
    }
    if (this.#subscriptions.size === 0) {
      throw new MqError(
        'INVALID_ARGUMENT',
        'the consumer has no subscription: call subscribe first',
      );
    }
    this.#state = 'running';
    const { clock, logger } = this.#client.settings;
    this.#dispatcher = new ConsumeDispatcher({
      ...this.#dispatcherOptions,
      listener,
      sendBack: (delivery) => this.#handBack(delivery),
      clock,
      logger,
    });
    this.#setSubscription(retryTopic(this.consumerGroup), SUBSCRIBE_ALL);
    this.#watch.start();
    this.#heartbeats.start();
    this.#timers.push(
      clock.setInterval(() => this.#inBackground(this.#rebalanceNow()), REBALANCE_MS),
      clock.setInterval(() => this.#inBackground(this.#persist()), this.#persistIntervalMs),
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
    const { clock, logger } = this.#client.settings;
    for (const timer of this.#timers) clock.clearInterval(timer);
    clock.clearTimeout(this.#announceTimer);
    this.#watch.stop();
    this.#heartbeats.stop();
    for (const puller of this.#pullers.values()) puller.stop();
    const abandoned = (await this.#dispatcher?.stop(this.#shutdownGraceMs)) ?? 0;
    if (abandoned > 0) {
      logger.warn('shut down while listeners were running; their messages will come again', {
        listeners: abandoned,
        shutdownGraceMs: this.#shutdownGraceMs,
      });
    }
    await Promise.all(Array.from(this.#pullers.values(), (puller) => puller.release()));
    await Promise.all(this.#leaving.values());
    this.#pullers.clear();
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
      await this.#rebalanceNow();
      await Promise.all(Array.from(this.#pullers.values(), (puller) => puller.positioned));
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
    await this.#rebalanceNow();
  }

  #setSubscription(topic: string, tags: string): void {
    // The broker keeps the highest version: two changes within one millisecond must differ.
    this.#subVersion = Math.max(this.#client.settings.clock.now(), this.#subVersion + 1);
    this.#subscriptions.set(topic, tagSubscription(topic, tags, this.#subVersion));
    this.#rebalance.handle({ type: 'subscribed', topic });
    this.#watch.watch(topic);
  }

  #groupChanged(request: RemotingCommand): undefined {
    const { consumerGroup } = notifyConsumerIdsChanged.decodeRequest(request.extFields);
    if (consumerGroup === this.consumerGroup) this.#inBackground(this.#rebalanceNow());
    return undefined;
  }

  #routeChanged(topic: string, route: TopicRouteData | undefined): void {
    if (this.#state !== 'running' || !this.#subscriptions.has(topic)) return;
    const queues = route === undefined ? [] : readableQueues(topic, route);
    const effects = this.#rebalance.handle({ type: 'routeChanged', topic, queues });
    // A broker that is new to us must know us before it can tell who is in the group.
    this.#inBackground(this.#heartbeats.announceToUnknown().then(() => this.#apply(effects)));
  }

  #announced(address: string): void {
    for (const puller of this.#pullersAt(address)) puller.brokerIsBack();
    this.#inBackground(this.#rebalanceNow());
  }

  #pullersAt(address: string): QueuePuller[] {
    return [...this.#pullers.values()].filter((puller) => {
      const broker = this.#watch.routes.broker(puller.queue.brokerName);
      return broker !== undefined && [...broker.brokerAddrs.values()].includes(address);
    });
  }

  /**
   * Settles when every topic's group has been asked for and the answers are acted upon. What comes in while one round
   * is under way makes one more round, however much it is.
   */
  #rebalanceNow(): Promise<void> {
    this.#isRebalanceDue = true;
    this.#rebalancing ??= this.#rebalanceWhileDue().finally(() => (this.#rebalancing = undefined));
    return this.#rebalancing;
  }

  async #rebalanceWhileDue(): Promise<void> {
    while (this.#isRebalanceDue && this.#state === 'running') {
      this.#isRebalanceDue = false;
      await this.#apply(this.#rebalance.handle({ type: 'due' }));
    }
  }

  /** For work nobody awaits: what it throws is a defect, to be seen in the log and not to end the process. */
  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#client.settings.logger.error('the consumer failed at a background task', { error });
    });
  }

  async #apply(effects: readonly RebalanceEffect[]): Promise<void> {
    await Promise.all(effects.map((effect) => this.#carryOut(effect)));
  }

  async #carryOut(effect: RebalanceEffect): Promise<void> {
    switch (effect.type) {
      case 'listConsumers':
        return this.#listConsumers(effect.topic, effect.round);
      case 'take':
        return this.#take(effect.queue);
      case 'release':
        return this.#release(effect.queue);
      case 'announce':
        return this.#announceAgain();
      default:
        return effect satisfies never;
    }
  }

  async #listConsumers(topic: string, round: number): Promise<void> {
    const consumerIds = await this.#consumerIds(topic);
    if (consumerIds === undefined || this.#state !== 'running') return;
    await this.#apply(
      this.#rebalance.handle({ type: 'consumersListed', topic, round, consumerIds }),
    );
  }

  /** The group's members as the first broker of the topic that answers knows them; undefined when none does. */
  async #consumerIds(topic: string): Promise<string[] | undefined> {
    for (const broker of this.#watch.routes.get(topic)?.brokerDatas ?? []) {
      const address = anyAddress(broker);
      if (address === undefined) continue;
      try {
        const { body } = await this.#client.call(address, getConsumerListByGroup, {
          consumerGroup: this.consumerGroup,
        });
        return decodeConsumerList(body);
      } catch (error) {
        if (!MqError.is(error)) throw error;
        // This is how brokers say that they know no member of the group.
        if (error.code === 'SYSTEM_ERROR') return [];
        this.#client.settings.logger.debug('a broker did not list the group', {
          address,
          error: error.message,
        });
      }
    }
    return undefined;
  }

  async #take(queue: MessageQueue): Promise<void> {
    const key = queueKey(queue);
    await this.#leaving.get(key);
    if (this.#state !== 'running' || this.#pullers.has(key)) return;
    const isOwned = this.#rebalance.owned().some((owned) => queueKey(owned) === key);
    if (!isOwned) return;
    const puller = new QueuePuller({
      ...this.#pullSettings,
      client: this.#client,
      routes: this.#watch.routes,
      queue,
      subscription: () => this.#subscriptions.get(queue.topic),
      submit: (deliveries) => this.#dispatcher?.submit(deliveries),
      doubtRoute: () => this.#watch.doubt(queue.topic),
    });
    this.#pullers.set(key, puller);
    puller.start();
  }

  async #release(queue: MessageQueue): Promise<void> {
    const key = queueKey(queue);
    const puller = this.#pullers.get(key);
    if (puller === undefined) return;
    this.#pullers.delete(key);
    const leaving = puller.release().finally(() => this.#leaving.delete(key));
    this.#leaving.set(key, leaving);
    await leaving;
  }

  async #announceAgain(): Promise<void> {
    const { clock } = this.#client.settings;
    clock.clearTimeout(this.#announceTimer);
    this.#announceTimer = clock.setTimeout(
      () => this.#inBackground(this.#rebalanceNow()),
      AFTER_ANNOUNCE_MS,
    );
    await this.#heartbeats.announce();
  }

  async #persist(): Promise<void> {
    await Promise.all(Array.from(this.#pullers.values(), (puller) => puller.persist()));
  }

  #handBack({ record, processQueue, message }: Delivery): Promise<void> {
    return message === undefined
      ? this.#sendBack.toDeadLetterQueue(record, processQueue.queue)
      : this.#sendBack.retryLater(record, processQueue.queue);
  }
}

function pullSettings(options: PushConsumerOptions, nowMs: number): PullSettings {
  return {
    start: {
      consumerGroup: options.consumerGroup,
      consumeFromWhere: options.consumeFromWhere ?? 'CONSUME_FROM_LAST_OFFSET',
      consumeTimestampMs: options.consumeTimestampMs ?? nowMs - 30 * 60_000,
    },
    limits: {
      maxCount: wholeNumber('pullThresholdForQueue', options.pullThresholdForQueue ?? 1000, 1),
      maxBytes: wholeNumber(
        'pullThresholdBytesForQueue',
        options.pullThresholdBytesForQueue ?? 100 * 1024 * 1024,
        1,
      ),
      maxSpan: wholeNumber(
        'consumeConcurrentlyMaxSpan',
        options.consumeConcurrentlyMaxSpan ?? 2000,
        1,
      ),
    },
    pullBatchSize: wholeNumber('pullBatchSize', options.pullBatchSize ?? 32, 1),
    maxBodyBytes: wholeNumber('maxBodyBytes', options.maxBodyBytes ?? 16 * 1024 * 1024, 1),
  };
}
