import type { TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import { decodeConsumerList } from '../protocol/consumer-list.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import { getConsumerListByGroup } from '../protocol/requests/get-consumer-list-by-group.ts';
import type { TopicRouteData } from '../protocol/route.ts';
import type { SubscriptionData } from '../protocol/subscription.ts';
import type { Allocation } from './allocation.ts';
import type { Delivery } from './consume-dispatcher.ts';
import type { Heartbeats } from './heartbeats.ts';
import type { MqClient } from './mq-client.ts';
import type { Ordering } from './ordering.ts';
import { limitsWithin } from './queue-limits.ts';
import { QueuePuller, type PullSettings } from './queue-puller.ts';
import { Rebalance, type RebalanceEffect } from './rebalance.ts';
import type { RouteWatch } from './route-watch.ts';
import { anyAddress, readableQueues } from './topic-queues.ts';

/** After telling a broker that it does not list this client: until it is likely to. */
const AFTER_ANNOUNCE_MS = 1_000;

export interface AssignmentOptions {
  client: MqClient;
  watch: RouteWatch;
  heartbeats: Heartbeats;
  pulling: PullSettings;
  allocation: Allocation;
  subscription: (topic: string) => SubscriptionData | undefined;
  submit: (deliveries: readonly Delivery[]) => void;
  /** Known when the consumer starts; undefined for a consumer that takes messages in no particular order. */
  ordering: () => Ordering | undefined;
  /** Asks a broker for this member's share of a topic, instead of who is in the group; undefined when it cannot say. */
  brokerShare?: ((topic: string) => Promise<readonly MessageQueue[] | undefined>) | undefined;
  /** Called when this member's share of a topic has changed, before anything of a new queue is fetched. */
  onChange?: ((change: AssignmentChange) => void) | undefined;
}

/** What a rebalance, or an assignment by hand, has changed in one topic. */
export interface AssignmentChange {
  readonly topic: string;
  /** All queues of the topic that are this member's now. */
  readonly assigned: readonly MessageQueue[];
  readonly added: readonly MessageQueue[];
  /** What was consumed of them is being reported; nothing of them is handed out any more. */
  readonly removed: readonly MessageQueue[];
}

/** The queues this member of a group owns now, each with its puller: carries out what `Rebalance` decides. */
export class Assignment {
  readonly #options: AssignmentOptions;
  readonly #rebalance: Rebalance;
  readonly #pullers = new Map<string, QueuePuller>();
  /** Queues given up whose last listener or progress report is waited for. */
  readonly #leaving = new Map<string, Promise<void>>();
  #announceTimer: TimerHandle | undefined;
  #isDue = false;
  #rebalancing: Promise<void> | undefined;
  #isSuspended = false;
  #isStopped = false;

  constructor(options: AssignmentOptions) {
    this.#options = options;
    this.#rebalance = new Rebalance(options.client.clientId, options.allocation);
  }

  queues(): MessageQueue[] {
    return Array.from(this.#pullers.values(), (puller) => puller.queue);
  }

  /** That of a queue this member owns now. */
  puller(queue: MessageQueue): QueuePuller | undefined {
    return this.#pullers.get(queueKey(queue));
  }

  pullers(): Iterable<QueuePuller> {
    return this.#pullers.values();
  }

  /** How far this member has consumed its queues of a topic, reported or not. */
  progress(topic: string): Map<MessageQueue, number> {
    const offsets = new Map<MessageQueue, number>();
    for (const { queue, commitOffset } of this.#pullers.values()) {
      if (queue.topic === topic && commitOffset !== undefined) offsets.set(queue, commitOffset);
    }
    return offsets;
  }

  /** A route that is known from before will not be told as news, so its queues are taken from there. */
  addTopic(topic: string): void {
    const route = this.#options.watch.routes.get(topic);
    const queues = route === undefined ? [] : readableQueues(topic, route);
    this.#rebalance.handle({ type: 'subscribed', topic, queues });
  }

  /** Settles when the progress in the topic's queues is reported. */
  async removeTopic(topic: string): Promise<void> {
    await this.#apply(this.#rebalance.handle({ type: 'unsubscribed', topic }));
    const leaving = [...this.#leaving].filter(([key]) => key.startsWith(`${topic}@`));
    await Promise.all(leaving.map(([, left]) => left));
  }

  /** Takes these queues and no others, whoever else is in the group. Settles when the progress in those given up is reported. */
  async assign(queues: readonly MessageQueue[]): Promise<void> {
    await this.#apply(this.#rebalance.handle({ type: 'assigned', queues }));
  }

  async routeChanged(topic: string, route: TopicRouteData | undefined): Promise<void> {
    const queues = route === undefined ? [] : readableQueues(topic, route);
    const effects = this.#rebalance.handle({ type: 'routeChanged', topic, queues });
    // A broker that is new to us must know us before it can tell who is in the group.
    await this.#options.heartbeats.announceToUnknown();
    await this.#apply(effects);
  }

  /**
   * Settles when every topic's group has been asked for and the answers are acted upon. What comes in while one round
   * is under way makes one more round, however much it is.
   */
  rebalance(): Promise<void> {
    this.#isDue = true;
    this.#rebalancing ??= this.#rebalanceWhileDue().finally(() => (this.#rebalancing = undefined));
    return this.#rebalancing;
  }

  /** Settles when it is known where each queue owned now begins. */
  async positioned(): Promise<void> {
    await this.#each((puller) => puller.positioned);
  }

  /** Fetches nothing more of any queue, of those to come neither, until `resume`. */
  suspend(): void {
    this.#isSuspended = true;
    for (const puller of this.#pullers.values()) puller.pause();
  }

  resume(): void {
    this.#isSuspended = false;
    for (const puller of this.#pullers.values()) puller.resume();
  }

  async persist(): Promise<void> {
    await this.#each((puller) => puller.persist());
  }

  /** The group was reset: its members go on there in their queues of the topic. */
  reset(topic: string, offsets: ReadonlyMap<MessageQueue, number>): void {
    for (const [queue, queueOffset] of offsets) {
      if (queue.topic === topic) this.#pullers.get(queueKey(queue))?.reset(queueOffset);
    }
  }

  brokerIsBack(address: string): void {
    for (const puller of this.#pullersAt(address)) puller.brokerIsBack();
    this.#options.ordering()?.locks?.brokerIsBack(address);
  }

  brokerIsLost(address: string): void {
    for (const puller of this.#pullersAt(address)) puller.brokerIsLost();
    this.#options.ordering()?.locks?.brokerIsLost(address);
  }

  /** The queue may be another member's from now on. */
  lockIsLost(queue: MessageQueue): void {
    this.#pullers.get(queueKey(queue))?.lockIsLost();
    this.#options.ordering()?.dispatcher.drop(queue, 'the lock of the queue is lost');
  }

  lockIsGained(queue: MessageQueue): void {
    this.#pullers.get(queueKey(queue))?.lockIsGained();
  }

  /** Fetches and rebalances no more; what was fetched may finish. */
  stop(): void {
    this.#isStopped = true;
    this.#options.client.settings.clock.clearTimeout(this.#announceTimer);
    for (const puller of this.#pullers.values()) puller.stop();
  }

  /** Reports the progress made in every queue and gives them all up. Never rejects. */
  async release(): Promise<void> {
    await this.#each((puller) => this.#giveUp(puller));
    await Promise.all(this.#leaving.values());
    this.#pullers.clear();
    this.#options.ordering()?.locks?.stop();
  }

  async #each(work: (puller: QueuePuller) => Promise<void>): Promise<void> {
    await Promise.all(Array.from(this.#pullers.values(), work));
  }

  #pullersAt(address: string): QueuePuller[] {
    return [...this.#pullers.values()].filter((puller) => {
      const broker = this.#options.watch.routes.broker(puller.queue.brokerName);
      return broker !== undefined && [...broker.brokerAddrs.values()].includes(address);
    });
  }

  async #rebalanceWhileDue(): Promise<void> {
    while (this.#isDue && !this.#isStopped) {
      this.#isDue = false;
      await this.#apply(this.#rebalance.handle({ type: 'due' }));
    }
  }

  async #apply(effects: readonly RebalanceEffect[]): Promise<void> {
    const carriedOut = Promise.all(effects.map((effect) => this.#carryOut(effect)));
    this.#tellChanges(effects);
    await carriedOut;
  }

  #tellChanges(effects: readonly RebalanceEffect[]): void {
    const { onChange } = this.#options;
    if (onChange === undefined) return;
    const queues = (wanted: 'take' | 'release', topic: string): MessageQueue[] =>
      effects.flatMap((effect) =>
        effect.type === wanted && effect.queue.topic === topic ? [effect.queue] : [],
      );
    const topics = effects.flatMap((effect) => ('queue' in effect ? [effect.queue.topic] : []));
    for (const topic of new Set(topics)) {
      onChange({
        topic,
        assigned: this.#rebalance.owned().filter((queue) => queue.topic === topic),
        added: queues('take', topic),
        removed: queues('release', topic),
      });
    }
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
    const { brokerShare } = this.#options;
    if (brokerShare !== undefined) {
      const queues = await brokerShare(topic);
      if (queues === undefined || this.#isStopped) return;
      return this.#apply(this.#rebalance.handle({ type: 'shareTold', topic, round, queues }));
    }
    const consumerIds = await this.#consumerIds(topic);
    if (consumerIds === undefined || this.#isStopped) return;
    await this.#apply(
      this.#rebalance.handle({ type: 'consumersListed', topic, round, consumerIds }),
    );
  }

  /** The group's members as the first broker of the topic that answers knows them; undefined when none does. */
  async #consumerIds(topic: string): Promise<string[] | undefined> {
    const { client, watch, pulling } = this.#options;
    for (const broker of watch.routes.get(topic)?.brokerDatas ?? []) {
      const address = anyAddress(broker);
      if (address === undefined) continue;
      try {
        const { body } = await client.call(address, getConsumerListByGroup, {
          consumerGroup: pulling.start.consumerGroup,
        });
        return decodeConsumerList(body);
      } catch (error) {
        if (!MqError.is(error)) throw error;
        // This is how brokers say that they know no member of the group.
        if (error.code === 'SYSTEM_ERROR') return [];
        client.settings.logger.debug('a broker did not list the group', {
          address,
          error: error.message,
        });
      }
    }
    return undefined;
  }

  async #take(queue: MessageQueue): Promise<void> {
    const leaving = this.#leaving.get(queueKey(queue));
    if (leaving === undefined) {
      this.#fetch(queue);
      return;
    }
    const taken = leaving.then(() => this.#fetch(queue));
    // A listener may take its time to end: the other queues do not wait for it.
    if (this.#options.ordering() === undefined) await taken;
  }

  #fetch(queue: MessageQueue): void {
    const { client, watch, pulling, subscription, submit } = this.#options;
    const ordering = this.#options.ordering();
    const key = queueKey(queue);
    // While the last report was waited for, it may have been given up again, or taken by a later round.
    const isOwned = this.#rebalance.owned().some((owned) => queueKey(owned) === key);
    if (this.#isStopped || !isOwned || this.#pullers.has(key)) return;
    const { limits, topicLimits = {} } = pulling;
    const puller = new QueuePuller({
      ...pulling,
      limits: limitsWithin(
        topicLimits,
        // A queue in order finishes from its front: what is unfinished is bounded by count and bytes.
        ordering === undefined ? limits : { ...limits, maxSpan: Infinity },
        () => this.#countOf(queue.topic),
      ),
      client,
      routes: watch.routes,
      queue,
      subscription: () => subscription(queue.topic),
      submit,
      doubtRoute: () => watch.doubt(queue.topic),
      lock: ordering?.locks?.want(queue),
      announceTo: (address) => this.#options.heartbeats.announceTo(address),
      onMoved: () => ordering?.dispatcher.drop(queue, 'the queue begins elsewhere'),
    });
    this.#pullers.set(key, puller);
    if (this.#isSuspended) puller.pause();
    puller.start();
  }

  #countOf(wanted: string): number {
    let count = 0;
    for (const { queue } of this.#pullers.values()) if (queue.topic === wanted) count++;
    return count;
  }

  async #release(queue: MessageQueue): Promise<void> {
    const key = queueKey(queue);
    const puller = this.#pullers.get(key);
    if (puller === undefined) return;
    this.#pullers.delete(key);
    const leaving = this.#giveUp(puller).finally(() => this.#leaving.delete(key));
    this.#leaving.set(key, leaving);
    if (this.#options.ordering() === undefined) await leaving;
  }

  /** Never rejects. */
  async #giveUp(puller: QueuePuller): Promise<void> {
    puller.stop();
    const ordering = this.#options.ordering();
    if (ordering === undefined) return puller.release();
    const { locks, dispatcher, graceMs } = ordering;
    const { queue, lock } = puller;
    await dispatcher.leave(queue, graceMs);
    await puller.release();
    if (lock === undefined || locks === undefined) return;
    if (!dispatcher.isRunning(queue)) return locks.giveBack(lock);
    // Whoever got the queue now would run its message beside the listener that did not end in time.
    locks.letLapse(lock);
    void dispatcher.idle(queue).then(() => locks.giveBack(lock));
  }

  async #announceAgain(): Promise<void> {
    const { client, heartbeats } = this.#options;
    const { clock, logger } = client.settings;
    clock.clearTimeout(this.#announceTimer);
    this.#announceTimer = clock.setTimeout(() => {
      this.rebalance().catch((error: unknown) => logger.error('rebalancing failed', { error }));
    }, AFTER_ANNOUNCE_MS);
    await heartbeats.announce();
  }
}
