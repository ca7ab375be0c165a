import type { TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import { decodeConsumerList } from '../protocol/consumer-list.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import { getConsumerListByGroup } from '../protocol/requests/get-consumer-list-by-group.ts';
import type { TopicRouteData } from '../protocol/route.ts';
import type { SubscriptionData } from '../protocol/subscription.ts';
import type { Delivery } from './consume-dispatcher.ts';
import type { Heartbeats } from './heartbeats.ts';
import type { MqClient } from './mq-client.ts';
import type { Ordering } from './ordering.ts';
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
  subscription: (topic: string) => SubscriptionData | undefined;
  submit: (deliveries: readonly Delivery[]) => void;
  /** Known when the consumer starts; undefined for a consumer that takes messages in no particular order. */
  ordering: () => Ordering | undefined;
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
  #isStopped = false;

  constructor(options: AssignmentOptions) {
    this.#options = options;
    this.#rebalance = new Rebalance(options.client.clientId);
  }

  queues(): MessageQueue[] {
    return Array.from(this.#pullers.values(), (puller) => puller.queue);
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

  async persist(): Promise<void> {
    await this.#each((puller) => puller.persist());
  }

  brokerIsBack(address: string): void {
    for (const puller of this.#pullersAt(address)) puller.brokerIsBack();
    this.#options.ordering()?.locks.brokerIsBack(address);
  }

  brokerIsLost(address: string): void {
    for (const puller of this.#pullersAt(address)) puller.brokerIsLost();
    this.#options.ordering()?.locks.brokerIsLost(address);
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
    this.#options.ordering()?.locks.stop();
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
    await Promise.all(effects.map((effect) => this.#carryOut(effect)));
  }

  async #carryOut(effect: RebalanceEffect): Promise<void> {
    switch (effect.type) {
      case 'listConsumers':
        return this.#listConsumers(effect.topic, effect.round);
      case 'take':
        this.#take(effect.queue);
        return;
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

  #take(queue: MessageQueue): void {
    const leaving = this.#leaving.get(queueKey(queue));
    // A listener may take its time to end: the other queues do not wait for it.
    if (leaving === undefined) this.#fetch(queue);
    else void leaving.then(() => this.#fetch(queue));
  }

  #fetch(queue: MessageQueue): void {
    const { client, watch, pulling, subscription, submit } = this.#options;
    const ordering = this.#options.ordering();
    const key = queueKey(queue);
    // While the last report was waited for, it may have been given up again, or taken by a later round.
    const isOwned = this.#rebalance.owned().some((owned) => queueKey(owned) === key);
    if (this.#isStopped || !isOwned || this.#pullers.has(key)) return;
    const puller = new QueuePuller({
      ...pulling,
      // A queue in order finishes from its front: what is unfinished is bounded by count and bytes.
      ...(ordering && { limits: { ...pulling.limits, maxSpan: Infinity } }),
      client,
      routes: watch.routes,
      queue,
      subscription: () => subscription(queue.topic),
      submit,
      doubtRoute: () => watch.doubt(queue.topic),
      lock: ordering?.locks.want(queue),
    });
    this.#pullers.set(key, puller);
    puller.start();
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
    if (lock === undefined) return;
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
