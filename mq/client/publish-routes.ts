import { MqError } from '../errors.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { SystemTopic } from '../protocol/names.ts';
import type { TopicRouteData } from '../protocol/route.ts';
import type { RouteWatch } from './route-watch.ts';
import { routeOfNewTopic, writableQueues } from './topic-queues.ts';

/**
 * The queues a producer may write to, by topic.
 *
 * A topic without a route borrows that of the auto-create topic: the first send then creates it on the broker that
 * gets it. The watch asks for the real route every 2 s until there is one.
 */
export class PublishRoutes {
  readonly #watch: RouteWatch;
  readonly #newTopicQueueNums: number;
  readonly #queues = new Map<string, { route: TopicRouteData; queues: MessageQueue[] }>();
  /** Topics that a name server has denied and that are to be created by a send. */
  readonly #new = new Set<string>();

  constructor(watch: RouteWatch, newTopicQueueNums: number) {
    this.#watch = watch;
    this.#newTopicQueueNums = newTopicQueueNums;
  }

  /** Errors: NO_ROUTE (retriable) saying what is missing; those of the name servers when none answers. */
  async queues(topic: string): Promise<readonly MessageQueue[]> {
    const known = this.#watch.routes.get(topic);
    if (known !== undefined) {
      this.#new.delete(topic);
      return this.#queuesOf(topic, known, known);
    }
    if (!this.#new.has(topic)) {
      this.#watch.watch(topic);
      const route = await this.#watch.refresh(topic);
      if (route !== undefined) return this.#queuesOf(topic, route, route);
    }
    const template = await this.#template(topic);
    this.#new.add(topic);
    return this.#queuesOf(topic, template, routeOfNewTopic(template, this.#newTopicQueueNums));
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
