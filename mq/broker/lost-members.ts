import type { Clock } from '../clock.ts';
import type { SubscriptionData } from '../protocol/subscription.ts';

/** Two heartbeats: by then a client that only lost its connection has said anew what it wants. */
const KEPT_MS = 60_000;

/** What a member wanted of one topic. */
interface LostSubscription {
  readonly subscription: SubscriptionData;
  /** On the monotonic clock. */
  readonly untilMs: number;
}

/**
 * What members of consumer groups wanted that were lost a moment ago and may be back: of topics of which others of their group
 * want something else, who would otherwise pass over in the meantime what only the lost one wants.
 */
export class LostMembers {
  /** By group, topic and clientId. */
  readonly #byGroup = new Map<string, Map<string, Map<string, LostSubscription>>>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  keep(group: string, clientId: string, subscriptions: Iterable<SubscriptionData>): void {
    const untilMs = this.#clock.monotonicMs() + KEPT_MS;
    for (const subscription of subscriptions) {
      const topics = this.#byGroup.get(group) ?? new Map<string, Map<string, LostSubscription>>();
      const clients = topics.get(subscription.topic) ?? new Map<string, LostSubscription>();
      clients.set(clientId, { subscription, untilMs });
      this.#byGroup.set(group, topics.set(subscription.topic, clients));
    }
  }

  /** It speaks for itself again. */
  isBack(group: string, clientId: string): void {
    this.#forget(group, (lostId) => lostId === clientId);
  }

  wanted(group: string, topic: string): SubscriptionData[] {
    const clients = this.#byGroup.get(group)?.get(topic);
    if (clients === undefined) return [];
    const nowMs = this.#clock.monotonicMs();
    return [...clients.values()].flatMap(({ subscription, untilMs }) =>
      nowMs < untilMs ? [subscription] : [],
    );
  }

  forgetExpired(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const group of this.#byGroup.keys()) {
      this.#forget(group, (_clientId, { untilMs }) => untilMs <= nowMs);
    }
  }

  #forget(group: string, which: (clientId: string, lost: LostSubscription) => boolean): void {
    const topics = this.#byGroup.get(group);
    if (topics === undefined) return;
    for (const [topic, clients] of topics) {
      for (const [clientId, lost] of clients) if (which(clientId, lost)) clients.delete(clientId);
      if (clients.size === 0) topics.delete(topic);
    }
    if (topics.size === 0) this.#byGroup.delete(group);
  }
}
