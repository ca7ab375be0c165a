import type { TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import { encodeConsumerStatus } from '../protocol/consumer-status.ts';
import { encodeConsumerRunningInfo } from '../protocol/consumer-running-info.ts';
import type { RemotingCommand } from '../protocol/frame.ts';
import type { ConsumerData } from '../protocol/heartbeat.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { retryTopic } from '../protocol/names.ts';
import { RequestCode } from '../protocol/request-code.ts';
import { getConsumerStatusFromClient } from '../protocol/requests/get-consumer-status-from-client.ts';
import { getConsumerRunningInfo } from '../protocol/requests/get-consumer-running-info.ts';
import { notifyConsumerIdsChanged } from '../protocol/requests/notify-consumer-ids-changed.ts';
import { resetConsumerClientOffset } from '../protocol/requests/reset-consumer-client-offset.ts';
import { unregisterClient } from '../protocol/requests/unregister-client.ts';
import { decodeResetOffsets } from '../protocol/reset-offset-body.ts';
import { ResponseCode } from '../protocol/response-code.ts';
import type { TopicRouteData } from '../protocol/route.ts';
import type { SubscriptionData } from '../protocol/subscription.ts';
import type { Processor, ProcessorTable, Reply } from '../remoting/processor.ts';
import { Assignment, type AssignmentOptions } from './assignment.ts';
import type { ClientSettings } from './client-options.ts';
import { ConsumeMeter } from './consume-meter.ts';
import { checkExpressions } from './expression-check.ts';
import { Heartbeats } from './heartbeats.ts';
import { MqClient } from './mq-client.ts';
import { inTime } from './pause.ts';
import { runningInfo } from './running-info.ts';
import { noRouteTo } from './route-cache.ts';
import { RouteWatch } from './route-watch.ts';

const REBALANCE_MS = 20_000;

export interface GroupMemberOptions extends Pick<
  AssignmentOptions,
  'pulling' | 'allocation' | 'submit' | 'ordering' | 'onChange' | 'brokerShare'
> {
  settings: ClientSettings;
  /** What its heartbeats say of it, besides its subscriptions. */
  consumerData: Omit<ConsumerData, 'subscriptionDataSet' | 'unitMode'>;
  /** How often the progress made is reported; undefined: never by itself. */
  persistIntervalMs: number | undefined;
  /** Called after each such report has begun. */
  onPersist?: () => void;
  /** What else brokers may ask of this consumer. */
  requests?: ProcessorTable;
  /** How its listener is run; a consumer without one runs nothing. */
  listening?: () => { readonly inOrder: boolean; readonly concurrency: number };
}

/**
 * One member of a consumer group, as brokers and the other members see it: its subscriptions, its heartbeats, and the share of
 * queues that follows from both. What is done with the messages is the business of the consumer that has this.
 */
export class GroupMember {
  readonly client: MqClient;
  readonly watch: RouteWatch;
  readonly heartbeats: Heartbeats;
  readonly assignment: Assignment;
  readonly meter: ConsumeMeter;
  readonly #options: GroupMemberOptions;
  readonly #consumerGroup: string;
  readonly #subscriptions = new Map<string, SubscriptionData>();
  /** Of topics whose queues are assigned by hand: brokers are told of them with each pull only. */
  #expressions = new Map<string, SubscriptionData>();
  /** undefined unless queues are assigned by hand. */
  #assigned: readonly MessageQueue[] | undefined;
  readonly #routeListeners = new Map<string, (route: TopicRouteData | undefined) => void>();
  readonly #timers: TimerHandle[] = [];
  #subVersion = 0;
  /** ms since epoch. */
  #startedAt = 0;
  #isRunning = false;

  constructor(options: GroupMemberOptions) {
    const { settings, consumerData, pulling, allocation, submit, ordering, onChange } = options;
    const { brokerShare } = options;
    this.#options = options;
    this.#consumerGroup = consumerData.groupName;
    this.meter = new ConsumeMeter(settings.clock);
    this.client = new MqClient(
      settings,
      new Map<number, Processor>([
        [RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, (request) => this.#groupChanged(request)],
        [RequestCode.RESET_CONSUMER_CLIENT_OFFSET, (request) => this.#reset(request)],
        [RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT, (request) => this.#status(request)],
        [RequestCode.GET_CONSUMER_RUNNING_INFO, (request) => this.#runningInfo(request)],
        ...(options.requests ?? []),
      ]),
    );
    this.watch = new RouteWatch(this.client, (topic, route) => this.#routeChanged(topic, route));
    this.heartbeats = new Heartbeats(this.client, {
      data: () => ({
        clientID: settings.clientId,
        producerDataSet: [],
        consumerDataSet: [
          {
            ...consumerData,
            subscriptionDataSet: [...this.#subscriptions.values()],
            unitMode: false,
          },
        ],
      }),
      addresses: () => this.watch.routes.all(),
      onAnnounced: (address) => this.#announced(address),
    });
    this.assignment = new Assignment({
      client: this.client,
      watch: this.watch,
      heartbeats: this.heartbeats,
      pulling: { ...pulling, meter: this.meter },
      allocation,
      subscription: (topic) => this.subscription(topic),
      submit,
      ordering,
      onChange,
      brokerShare,
    });
    this.client.onConnectionClosed((address) => this.assignment.brokerIsLost(address));
  }

  get topics(): string[] {
    return [...this.#subscriptions.keys()];
  }

  subscription(topic: string): SubscriptionData | undefined {
    return this.#subscriptions.get(topic) ?? this.#expressions.get(topic);
  }

  /** `subscription` is told the version: the broker keeps the highest, so two changes within one millisecond must differ. */
  subscribe(topic: string, subscription: (subVersion: number) => SubscriptionData): void {
    this.#setSubscription(topic, subscription);
    if (this.#isRunning) this.inBackground(this.#subscriptionChanged(topic));
  }

  unsubscribe(topic: string): void {
    if (this.#subscriptions.delete(topic)) this.inBackground(this.#leaveTopic(topic));
  }

  /**
   * Takes these queues and no others, whoever else is in the group; instead of subscriptions, never beside them. When this
   * returns, what `start` says of its queues holds for them. Never rejects.
   */
  async assign(queues: readonly MessageQueue[], expressions: readonly SubscriptionData[]) {
    const before = this.#assigned?.map(({ topic }) => topic) ?? [];
    this.#assigned = queues;
    this.#expressions = new Map(expressions.map((expression) => [expression.topic, expression]));
    for (const { topic } of queues) this.watch.watch(topic);
    if (!this.#isRunning) return;
    // In this order: the last progress report finds its broker by the route.
    const taken = this.#takeAssigned().then(() =>
      before.forEach((topic) => this.#watchNoMore(topic)),
    );
    await this.#withinTimeout(taken);
  }

  /**
   * Calls the listener with the topic's route as it is, undefined if there is none, as soon as that is known and the member
   * runs; and then with each that differs from the one before. One a topic: a second replaces it.
   */
  onRoute(topic: string, listener: (route: TopicRouteData | undefined) => void): void {
    this.#routeListeners.set(topic, listener);
    this.watch.watch(topic);
    if (this.#isRunning) this.inBackground(this.#tellRoute(topic));
  }

  /**
   * To be called before `start`: whether brokers take the expressions of its subscriptions.
   *
   * Errors: those of `checkExpressions`.
   */
  checkExpressions(): Promise<void> {
    return checkExpressions(this.client, this.#consumerGroup, this.#subscriptions.values());
  }

  /**
   * When this returns, the member knows its queues and where it begins in each, provided that brokers could be reached
   * within the request timeout; else it keeps trying. Never rejects.
   */
  async start(): Promise<void> {
    this.#isRunning = true;
    this.#startedAt = this.client.settings.clock.now();
    const { clock } = this.client.settings;
    const { persistIntervalMs, onPersist } = this.#options;
    this.watch.start();
    this.heartbeats.start();
    this.#timers.push(
      clock.setInterval(() => this.inBackground(this.assignment.rebalance()), REBALANCE_MS),
    );
    if (persistIntervalMs !== undefined) {
      this.#timers.push(
        clock.setInterval(() => {
          this.inBackground(this.assignment.persist());
          onPersist?.();
        }, persistIntervalMs),
      );
    }
    await this.#withinTimeout(this.#firstAssignment());
  }

  /** Fetches nothing more and takes no more queues; what was fetched may finish. */
  stop(): void {
    this.#isRunning = false;
    const { clock } = this.client.settings;
    for (const timer of this.#timers) clock.clearInterval(timer);
    this.watch.stop();
    this.assignment.stop();
  }

  /** After `stop`: reports progress and says good-bye, so that the other members take over at once. */
  async leave(): Promise<void> {
    await this.assignment.release();
    // Until now: brokers cut off who is silent for two minutes, and with the connection go the locks of ordered queues.
    this.heartbeats.stop();
    await Promise.allSettled(
      this.heartbeats.announcedTo().map((address) =>
        this.client.call(address, unregisterClient, {
          clientID: this.client.clientId,
          consumerGroup: this.#consumerGroup,
        }),
      ),
    );
    await this.client.close();
  }

  /** What is known of the topic when a name server was asked; it is watched from then on. Errors: those of the name servers. */
  async route(topic: string): Promise<TopicRouteData | undefined> {
    this.watch.watch(topic);
    try {
      return await this.watch.refresh(topic);
    } finally {
      if (this.watch.routes.get(topic) === undefined) this.#watchNoMore(topic);
    }
  }

  /** Whom to ask about a queue, whoever owns it. Errors: NO_ROUTE; those of the name servers. */
  async addressOf({ topic, brokerName }: MessageQueue): Promise<string> {
    const { routes } = this.watch;
    if (routes.broker(brokerName) === undefined) await this.route(topic);
    const address = routes.anyAddress(brokerName);
    if (address === undefined) throw noRouteTo(brokerName);
    return address;
  }

  /** For work nobody awaits: what it throws is a defect, to be seen in the log and not to end the process. */
  inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.client.settings.logger.error('the consumer failed at a background task', { error });
    });
  }

  /** Routes, then heartbeats, then the retry topic's route, which the first heartbeat makes the broker create, then queues. */
  async #firstAssignment(): Promise<void> {
    const topics = new Set([...this.topics, ...this.#routeListeners.keys()]);
    await Promise.allSettled(
      Array.from(topics, async (topic) => {
        const route = await this.watch.refresh(topic);
        this.#routeListeners.get(topic)?.(route);
      }),
    );
    await this.heartbeats.announceToUnknown();
    const retries = retryTopic(this.#consumerGroup);
    if (this.#subscriptions.has(retries)) {
      await Promise.allSettled([this.watch.refresh(retries)]);
    }
    await this.assignment.rebalance();
    await this.#takeAssigned();
  }

  async #takeAssigned(): Promise<void> {
    if (this.#assigned === undefined) return;
    const topics = new Set(this.#assigned.map(({ topic }) => topic));
    const unknown = [...topics].filter((topic) => this.watch.routes.get(topic) === undefined);
    await Promise.allSettled(unknown.map((topic) => this.watch.refresh(topic)));
    await this.heartbeats.announceToUnknown();
    // Whatever was assigned meanwhile: the last word counts.
    await this.assignment.assign(this.#assigned);
  }

  /** Waits until it is known where each queue begins, for as long as a request may take. */
  async #withinTimeout(assigned: Promise<void>): Promise<void> {
    const { clock, logger, requestTimeoutMs } = this.client.settings;
    const deadlineMs = clock.monotonicMs() + requestTimeoutMs;
    const late = (): MqError =>
      new MqError('REQUEST_TIMEOUT', `no assignment within ${requestTimeoutMs} ms`);
    try {
      const positioned = assigned.then(() => this.assignment.positioned());
      await inTime(clock, deadlineMs, positioned, late);
    } catch (error) {
      if (!MqError.is(error)) throw error;
      logger.warn('the consumer goes on without its queues, and goes on trying', {
        consumerGroup: this.#consumerGroup,
        error: error.message,
      });
    }
  }

  async #subscriptionChanged(topic: string): Promise<void> {
    await this.heartbeats.announce();
    await Promise.allSettled([this.watch.refresh(topic)]);
    await this.assignment.rebalance();
  }

  async #leaveTopic(topic: string): Promise<void> {
    // In this order: the last progress report finds its broker by the route.
    await this.assignment.removeTopic(topic);
    if (this.#subscriptions.has(topic)) return;
    this.#watchNoMore(topic);
    if (this.#isRunning) await this.heartbeats.announce();
  }

  /** What cannot be asked for now is found out by the polls of the routes. */
  async #tellRoute(topic: string): Promise<void> {
    const known = this.watch.routes.get(topic);
    try {
      this.#routeListeners.get(topic)?.(known ?? (await this.watch.refresh(topic)));
    } catch (error) {
      if (!MqError.is(error)) throw error;
    }
  }

  #watchNoMore(topic: string): void {
    const isOfInterest =
      this.#subscriptions.has(topic) ||
      this.#routeListeners.has(topic) ||
      this.#assigned?.some((queue) => queue.topic === topic) === true;
    if (!isOfInterest) this.watch.unwatch(topic);
  }

  #setSubscription(topic: string, subscription: (subVersion: number) => SubscriptionData): void {
    this.#subVersion = Math.max(this.client.settings.clock.now(), this.#subVersion + 1);
    this.#subscriptions.set(topic, subscription(this.#subVersion));
    this.assignment.addTopic(topic);
    this.watch.watch(topic);
  }

  #groupChanged(request: RemotingCommand): undefined {
    const { consumerGroup } = notifyConsumerIdsChanged.decodeRequest(request.extFields);
    if (consumerGroup === this.#consumerGroup) this.inBackground(this.assignment.rebalance());
    return undefined;
  }

  #reset(request: RemotingCommand): undefined {
    const { group, topic } = resetConsumerClientOffset.decodeRequest(request.extFields);
    if (group !== this.#consumerGroup) return undefined;
    const offsets = decodeResetOffsets(request.body);
    this.client.settings.logger.warn('a broker says that the group was reset', {
      consumerGroup: group,
      topic,
      queues: offsets.size,
    });
    this.assignment.reset(topic, offsets);
    return undefined;
  }

  #status(request: RemotingCommand): Reply {
    const { group, topic } = getConsumerStatusFromClient.decodeRequest(request.extFields);
    this.assertGroup(group);
    const body = encodeConsumerStatus(this.assignment.progress(topic));
    return { code: ResponseCode.SUCCESS, body };
  }

  #runningInfo(request: RemotingCommand): Reply {
    const { consumerGroup } = getConsumerRunningInfo.decodeRequest(request.extFields);
    this.assertGroup(consumerGroup);
    const { inOrder = false, concurrency = 0 } = this.#options.listening?.() ?? {};
    const info = runningInfo({
      consumeType: this.#options.consumerData.consumeType,
      startedAt: this.#startedAt,
      namesrvAddr: this.client.settings.namesrvAddr,
      inOrder,
      concurrency,
      subscriptions: [...this.#subscriptions.values(), ...this.#expressions.values()],
      pullers: this.assignment.pullers(),
      meter: this.meter,
    });
    return { code: ResponseCode.SUCCESS, body: encodeConsumerRunningInfo(info) };
  }

  /** Errors: SYSTEM_ERROR when a broker asks for another group. */
  assertGroup(group: string): void {
    if (group === this.#consumerGroup) return;
    throw new MqError('SYSTEM_ERROR', `asked for ${group}, this is ${this.#consumerGroup}`);
  }

  #routeChanged(topic: string, route: TopicRouteData | undefined): void {
    if (!this.#isRunning) return;
    this.#routeListeners.get(topic)?.(route);
    if (!this.#subscriptions.has(topic)) return;
    this.inBackground(this.assignment.routeChanged(topic, route));
  }

  #announced(address: string): void {
    this.assignment.brokerIsBack(address);
    // The broker has made it by now, and what fails first may have to go there at once.
    this.watch.lookFor(retryTopic(this.#consumerGroup));
    this.inBackground(this.assignment.rebalance());
  }
}
