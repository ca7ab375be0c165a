import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import type { Allocation } from './allocation.ts';

export type RebalanceEvent =
  /** The queues of a route that is there already, if one is. */
  | { type: 'subscribed'; topic: string; queues: readonly MessageQueue[] }
  | { type: 'unsubscribed'; topic: string }
  /** These and no others, whoever else is in the group. Instead of subscriptions, never beside them. */
  | { type: 'assigned'; queues: readonly MessageQueue[] }
  /** The topic's readable queues as the route now has them; empty when the topic is gone. */
  | { type: 'routeChanged'; topic: string; queues: readonly MessageQueue[] }
  /** The timer, a broker's notice that the group changed, or a reconnect. */
  | { type: 'due' }
  /** A broker has said which queues of the topic are this member's. */
  | { type: 'shareTold'; topic: string; round: number; queues: readonly MessageQueue[] }
  | { type: 'consumersListed'; topic: string; round: number; consumerIds: readonly string[] };

export type RebalanceEffect =
  /** Ask a broker of the topic who is in the group, and report back with the same round. */
  | { type: 'listConsumers'; topic: string; round: number }
  | { type: 'take'; queue: MessageQueue }
  | { type: 'release'; queue: MessageQueue }
  /** The broker does not know this client: send a heartbeat now, then rebalance. */
  | { type: 'announce' };

interface TopicState {
  queues: readonly MessageQueue[];
  owned: Map<string, MessageQueue>;
  /** Number of the latest question about the group; answers to earlier ones are stale. */
  round: number;
}

/**
 * Decides which MessageQueues this consumer owns. No I/O and no clock: the owner feeds events in and carries effects
 * out, and asks again on a timer, so that a lost answer costs time and nothing else.
 *
 * An empty list of consumers changes nothing: a broker that has just started knows nobody, and giving everything up
 * for that would only interrupt consumption. A list that names others but not this client is believed: they already
 * share the queues without us.
 *
 * A member that owns everything asks nobody.
 */
export class Rebalance {
  readonly #clientId: string;
  readonly #allocation: Allocation;
  readonly #topics = new Map<string, TopicState>();
  #round = 0;

  constructor(clientId: string, allocation: Allocation) {
    this.#clientId = clientId;
    this.#allocation = allocation;
  }

  owned(): MessageQueue[] {
    return [...this.#topics.values()].flatMap((topic) => [...topic.owned.values()]);
  }

  handle(event: RebalanceEvent): RebalanceEffect[] {
    switch (event.type) {
      case 'subscribed':
        if (!this.#topics.has(event.topic)) {
          this.#topics.set(event.topic, { queues: event.queues, owned: new Map(), round: 0 });
        }
        return [];
      case 'unsubscribed':
        return this.#forget(event.topic);
      case 'assigned':
        return this.#onAssigned(event.queues);
      case 'routeChanged':
        return this.#onRoute(event.topic, event.queues);
      case 'due':
        return [...this.#topics.keys()].flatMap((topic) => this.#ask(topic));
      case 'shareTold':
        return this.#onShare(event.topic, event.round, event.queues);
      case 'consumersListed':
        return this.#onConsumers(event.topic, event.round, event.consumerIds);
      default:
        return event satisfies never;
    }
  }

  #forget(topic: string): RebalanceEffect[] {
    const state = this.#topics.get(topic);
    this.#topics.delete(topic);
    return state === undefined ? [] : releases(state.owned.values());
  }

  #onAssigned(queues: readonly MessageQueue[]): RebalanceEffect[] {
    const topics = new Set(queues.map(({ topic }) => topic));
    const effects = [...this.#topics.keys()]
      .filter((topic) => !topics.has(topic))
      .flatMap((topic) => this.#forget(topic));
    for (const topic of topics) {
      const state = this.#topics.get(topic) ?? { queues: [], owned: new Map(), round: 0 };
      this.#topics.set(topic, state);
      const share = queues.filter((queue) => queue.topic === topic);
      effects.push(...this.#own(state, share));
    }
    return effects;
  }

  #onRoute(topic: string, queues: readonly MessageQueue[]): RebalanceEffect[] {
    const state = this.#topics.get(topic);
    if (state === undefined) return [];
    state.queues = queues;
    if (queues.length > 0) return this.#ask(topic);
    return this.#own(state, []);
  }

  #ask(topic: string): RebalanceEffect[] {
    const state = this.#topics.get(topic);
    if (state === undefined || state.queues.length === 0) return [];
    if (this.#allocation.kind === 'everything') return this.#own(state, state.queues);
    state.round = ++this.#round;
    return [{ type: 'listConsumers', topic, round: state.round }];
  }

  #onShare(topic: string, round: number, queues: readonly MessageQueue[]): RebalanceEffect[] {
    const state = this.#topics.get(topic);
    return state === undefined || state.round !== round ? [] : this.#own(state, queues);
  }

  #onConsumers(topic: string, round: number, consumerIds: readonly string[]): RebalanceEffect[] {
    const state = this.#topics.get(topic);
    if (state === undefined || state.round !== round) return [];
    if (this.#allocation.kind === 'everything') return [];
    if (consumerIds.length === 0) return [{ type: 'announce' }];
    const share = this.#allocation.of(state.queues, consumerIds);
    const effects = share === undefined ? [] : this.#own(state, share);
    if (!consumerIds.includes(this.#clientId)) effects.push({ type: 'announce' });
    return effects;
  }

  /** Releases what is no part of the share, and takes what was not owned yet. */
  #own(state: TopicState, queues: readonly MessageQueue[]): RebalanceEffect[] {
    const share = new Map(queues.map((queue) => [queueKey(queue), queue]));
    const effects = releases(
      [...state.owned].filter(([key]) => !share.has(key)).map(([, queue]) => queue),
    );
    for (const [key, queue] of share) {
      if (!state.owned.has(key)) effects.push({ type: 'take', queue });
    }
    state.owned = share;
    return effects;
  }
}

function releases(queues: Iterable<MessageQueue>): RebalanceEffect[] {
  return Array.from(queues, (queue) => ({ type: 'release', queue }));
}
