import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import { allocateAveragely } from './allocate.ts';

export type RebalanceEvent =
  /** The queues of a route that is there already, if one is. */
  | { type: 'subscribed'; topic: string; queues: readonly MessageQueue[] }
  | { type: 'unsubscribed'; topic: string }
  /** The topic's readable queues as the route now has them; empty when the topic is gone. */
  | { type: 'routeChanged'; topic: string; queues: readonly MessageQueue[] }
  /** The timer, a broker's notice that the group changed, or a reconnect. */
  | { type: 'due' }
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
 */
export class Rebalance {
  readonly #clientId: string;
  readonly #topics = new Map<string, TopicState>();
  #round = 0;

  constructor(clientId: string) {
    this.#clientId = clientId;
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
      case 'routeChanged':
        return this.#onRoute(event.topic, event.queues);
      case 'due':
        return [...this.#topics.keys()].flatMap((topic) => this.#ask(topic));
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

  #onRoute(topic: string, queues: readonly MessageQueue[]): RebalanceEffect[] {
    const state = this.#topics.get(topic);
    if (state === undefined) return [];
    state.queues = queues;
    if (queues.length > 0) return this.#ask(topic);
    const effects = releases(state.owned.values());
    state.owned = new Map();
    return effects;
  }

  #ask(topic: string): RebalanceEffect[] {
    const state = this.#topics.get(topic);
    if (state === undefined || state.queues.length === 0) return [];
    state.round = ++this.#round;
    return [{ type: 'listConsumers', topic, round: state.round }];
  }

  #onConsumers(topic: string, round: number, consumerIds: readonly string[]): RebalanceEffect[] {
    const state = this.#topics.get(topic);
    if (state === undefined || state.round !== round) return [];
    if (consumerIds.length === 0) return [{ type: 'announce' }];
    const share = new Map(
      allocateAveragely(this.#clientId, state.queues, consumerIds).map((queue) => [
        queueKey(queue),
        queue,
      ]),
    );
    const effects = releases(
      [...state.owned].filter(([key]) => !share.has(key)).map(([, queue]) => queue),
    );
    for (const [key, queue] of share) {
      if (!state.owned.has(key)) effects.push({ type: 'take', queue });
    }
    state.owned = share;
    if (!consumerIds.includes(this.#clientId)) effects.push({ type: 'announce' });
    return effects;
  }
}

function releases(queues: Iterable<MessageQueue>): RebalanceEffect[] {
  return Array.from(queues, (queue) => ({ type: 'release', queue }));
}
