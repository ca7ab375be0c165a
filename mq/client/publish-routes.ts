import type { Clock } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { isReplyTopic, SystemTopic } from '../protocol/names.ts';
import type { TopicRouteData } from '../protocol/route.ts';
import type { RouteWatch } from './route-watch.ts';
import { routeOfNewTopic, writableQueues } from './topic-queues.ts';

/** A topic that nothing was sent to for so long is looked up anew by the next send: an hour's topics are all that is kept. */
const UNUSED_KEPT_MS = 3_600_000;
/** One that cannot be sent to: its route is asked for every 2 s. */
const MISSING_KEPT_MS = 60_000;
/** Between two looks for such topics. */
const LOOK_MS = 60_000;

export interface PublishRoutesOptions {
  readonly clock: Clock;
  /** Queues per broker of a topic that a send creates. */
  readonly newTopicQueueNums: number;
  /** Told of a topic that nothing is known of any more. */
  readonly onForgotten?: (topic: string) => void;
}

/**
 * The queues a producer may write to, by topic.
 *
 * A topic without a route borrows that of the auto-create topic: the first send then creates it on the broker that
 * gets it. The watch asks for the real route every 2 s until there is one. Topics that nothing is sent to are forgotten.
 */
export class PublishRoutes {
  readonly #watch: RouteWatch;
  readonly #options: PublishRoutesOptions;
  readonly #queues = new Map<string, { route: TopicRouteData; queues: MessageQueue[] }>();
  /** Topics that a name server has denied and that are to be created by a send. */
  readonly #new = new Set<string>();
  /** When each topic was last asked for, on the monotonic clock. */
  readonly #usedAtMs = new Map<string, number>();
  #lookedAtMs = -Infinity;

  constructor(watch: RouteWatch, options: PublishRoutesOptions) {
    this.#watch = watch;
    this.#options = options;
  }

  /** How many topics something is known of. */
  get size(): number {
    return this.#usedAtMs.size;
  }

  /** Undefined when the route has to be looked up first. Errors: NO_ROUTE (retriable) when there is no queue to write to. */
  known(topic: string): readonly MessageQueue[] | undefined {
    const nowMs = this.#options.clock.monotonicMs();
    this.#usedAtMs.set(topic, nowMs);
    if (nowMs - this.#lookedAtMs >= LOOK_MS) this.#forgetUnused(nowMs);
    const route = this.#watch.routes.get(topic);
    if (route === undefined) return undefined;
    this.#new.delete(topic);
    return this.#queuesOf(topic, route, route);
  }

  /** Errors: NO_ROUTE (retriable) saying what is missing; those of the name servers when none answers. */
  async queues(topic: string): Promise<readonly MessageQueue[]> {
    const known = this.known(topic);
    if (known !== undefined) return known;
    if (!this.#new.has(topic)) {
      this.#watch.watch(topic);
      const route = await this.#watch.refresh(topic);
      if (route !== undefined) return this.#queuesOf(topic, route, route);
    }
    const template = await this.#template(topic);
    this.#new.add(topic);
    return this.#queuesOf(
      topic,
      template,
      routeOfNewTopic(template, this.#options.newTopicQueueNums),
    );
  }

  async #template(topic: string): Promise<TopicRouteData> {
    this.#watch.watch(SystemTopic.AUTO_CREATE);
    const template =
      this.#watch.routes.get(SystemTopic.AUTO_CREATE) ??
      (await this.#watch.refresh(SystemTopic.AUTO_CREATE));
    if (template !== undefined) return template;
    this.#new.delete(topic);
    throw new MqError(
      'NO_ROUTE',
      `topic ${topic} does not exist and no broker creates topics on send (autoCreateTopicEnable)`,
      { retriable: true, details: { topic } },
    );
  }

  #forgetUnused(nowMs: number): void {
    this.#lookedAtMs = nowMs;
    for (const [topic, usedAtMs] of this.#usedAtMs) {
      const isMissing = this.#watch.routes.get(topic) === undefined && !this.#new.has(topic);
      const isUnused = nowMs - usedAtMs >= (isMissing ? MISSING_KEPT_MS : UNUSED_KEPT_MS);
      // Whoever sends requests has a reply topic watched for the brokers it is on.
      if (isUnused && !isReplyTopic(topic)) this.#forget(topic);
    }
  }

  #forget(topic: string): void {
    this.#usedAtMs.delete(topic);
    this.#queues.delete(topic);
    this.#new.delete(topic);
    if (topic !== SystemTopic.AUTO_CREATE) this.#watch.unwatch(topic);
    this.#options.onForgotten?.(topic);
  }

  /** `source` tells whether the list made last time still holds. */
  #queuesOf(topic: string, source: TopicRouteData, route: TopicRouteData): readonly MessageQueue[] {
    const cached = this.#queues.get(topic);
    if (cached?.route === source) return cached.queues;
    const queues = writableQueues(topic, route);
    if (queues.length === 0) {
      throw new MqError(
        'NO_ROUTE',
        `topic ${topic} has no queue to write to: its brokers are read-only or have no master`,
        { retriable: true, details: { topic } },
      );
    }
    this.#queues.set(topic, { route: source, queues });
    return queues;
  }
}
