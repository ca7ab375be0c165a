import type { TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import { getRouteinfoByTopic } from '../protocol/requests/get-routeinfo-by-topic.ts';
import { decodeTopicRoute, type TopicRouteData } from '../protocol/route.ts';
import type { MqClient } from './mq-client.ts';
import { RouteCache } from './route-cache.ts';

const POLL_MS = 30_000;
/** A topic that has no route yet is asked for more often: somebody waits for it. */
const MISSING_POLL_MS = 2_000;
/** A route that something failed with is asked for at most this often. */
const DOUBT_MS = 1_000;
/** After a restart a name server knows no topic until its brokers have registered again, at most 120 s later. */
const BELIEVED_GONE_AFTER_MS = 120_000;

export type RouteListener = (topic: string, route: TopicRouteData | undefined) => void;

/**
 * Keeps the routes of the watched topics up to date.
 *
 * A route is kept while no name server can be asked, and for two minutes while all that answer deny it: running
 * producers and consumers carry on without name servers.
 */
export class RouteWatch {
  readonly routes = new RouteCache();
  readonly #client: MqClient;
  readonly #onChange: RouteListener;
  readonly #watched = new Set<string>();
  readonly #deniedSinceMs = new Map<string, number>();
  /** Brokers that have said that they do not have the topic. */
  readonly #deniedBy = new Map<string, Set<string>>();
  readonly #askedAtMs = new Map<string, number>();
  readonly #refreshing = new Map<string, Promise<TopicRouteData | undefined>>();
  #isUnanswered = false;
  #pollTimer: TimerHandle | undefined;
  #missingTimer: TimerHandle | undefined;

  constructor(client: MqClient, onChange: RouteListener = () => undefined) {
    this.#client = client;
    this.#onChange = onChange;
  }

  start(): void {
    const { clock } = this.#client.settings;
    this.#pollTimer = clock.setInterval(() => this.#poll(() => true), POLL_MS);
    this.#missingTimer = clock.setInterval(
      () => this.#poll((topic) => this.routes.get(topic) === undefined),
      MISSING_POLL_MS,
    );
  }

  stop(): void {
    const { clock } = this.#client.settings;
    clock.clearInterval(this.#pollTimer);
    clock.clearInterval(this.#missingTimer);
  }

  watch(topic: string): void {
    this.#watched.add(topic);
  }

  unwatch(topic: string): void {
    this.#watched.delete(topic);
    this.#deniedSinceMs.delete(topic);
    this.#deniedBy.delete(topic);
    this.#askedAtMs.delete(topic);
    this.routes.delete(topic);
  }

  /** Something failed that went by this route: its broker may have moved. Asks again, without waiting and not too often. */
  doubt(topic: string): void {
    const sinceAskedMs =
      this.#client.settings.clock.monotonicMs() - (this.#askedAtMs.get(topic) ?? -Infinity);
    if (sinceAskedMs < DOUBT_MS || !this.#watched.has(topic)) return;
    this.refresh(topic).catch((error: unknown) => this.#warn(topic, error));
  }

  /**
   * The route has proved wrong in something that began at `sinceMs`, on the monotonic clock: asks again, unless it was
   * asked for since then. `deniedBy` is the broker that does not have the topic; when all of the route's have said so, a
   * name server that denies it, too, is believed at once.
   *
   * Returns and fails as `refresh`.
   */
  async renew(
    topic: string,
    sinceMs: number,
    deniedBy?: string,
  ): Promise<TopicRouteData | undefined> {
    if (deniedBy !== undefined && this.routes.get(topic) !== undefined) {
      const brokers = this.#deniedBy.get(topic) ?? new Set();
      this.#deniedBy.set(topic, brokers.add(deniedBy));
    }
    const isAsked = (): boolean => (this.#askedAtMs.get(topic) ?? -Infinity) > sinceMs;
    if (!isAsked()) await this.#refreshing.get(topic)?.catch(() => undefined);
    return isAsked() && !this.#refreshing.has(topic)
      ? this.routes.get(topic)
      : await this.refresh(topic);
  }

  /** The topic may have come into being just now. Asks if its route is not known, without waiting. */
  lookFor(topic: string): void {
    if (this.routes.get(topic) !== undefined || !this.#watched.has(topic)) return;
    this.refresh(topic).catch((error: unknown) => this.#warn(topic, error));
  }

  /**
   * Asks a name server for the topic's route now; callers at the same time share one question. That of a topic that is not
   * watched, or not any more, is not kept.
   *
   * Returns what is known afterwards: undefined when the name server has no such topic.
   * Errors: those of the last name server asked, when none answered and nothing is cached.
   */
  refresh(topic: string): Promise<TopicRouteData | undefined> {
    const running = this.#refreshing.get(topic);
    if (running !== undefined) return running;
    this.#askedAtMs.set(topic, this.#client.settings.clock.monotonicMs());
    const refreshing = this.#refresh(topic).finally(() => {
      this.#refreshing.delete(topic);
      if (!this.#watched.has(topic)) this.unwatch(topic);
    });
    this.#refreshing.set(topic, refreshing);
    return refreshing;
  }

  async #refresh(topic: string): Promise<TopicRouteData | undefined> {
    try {
      const reply = await this.#client.callNameServer(
        getRouteinfoByTopic,
        { topic, acceptStandardJsonOnly: true },
        {
          // It may have lost its brokers, while another name server knows them.
          isDoubtful: ({ code }) =>
            code === 'TOPIC_NOT_EXIST' && this.routes.get(topic) !== undefined,
        },
      );
      this.#deniedSinceMs.delete(topic);
      this.#deniedBy.delete(topic);
      this.#isUnanswered = false;
      const route = decodeTopicRoute(reply.body);
      // Nobody would keep it up to date.
      if (!this.#watched.has(topic)) return route;
      if (this.routes.set(topic, route)) this.#onChange(topic, route);
    } catch (error) {
      if (MqError.is(error) && error.code === 'TOPIC_NOT_EXIST') {
        this.#denied(topic);
        return this.routes.get(topic);
      }
      // The one that denied it may be back from another restart when it does so again.
      this.#deniedSinceMs.delete(topic);
      if (this.routes.get(topic) === undefined) throw error;
      else this.#warn(topic, error);
    }
    return this.routes.get(topic);
  }

  #denied(topic: string): void {
    const nowMs = this.#client.settings.clock.monotonicMs();
    const sinceMs = this.#deniedSinceMs.get(topic) ?? nowMs;
    this.#deniedSinceMs.set(topic, sinceMs);
    const isBelieved = nowMs - sinceMs >= BELIEVED_GONE_AFTER_MS || this.#isDeniedByBrokers(topic);
    if (!isBelieved || !this.routes.delete(topic)) return;
    this.#deniedBy.delete(topic);
    this.#client.settings.logger.warn('the topic has no route any more', { topic });
    this.#onChange(topic, undefined);
  }

  #isDeniedByBrokers(topic: string): boolean {
    const brokers = this.#deniedBy.get(topic);
    const route = this.routes.get(topic);
    return (
      brokers !== undefined &&
      route !== undefined &&
      route.queueDatas.every(({ brokerName }) => brokers.has(brokerName))
    );
  }

  #poll(wanted: (topic: string) => boolean): void {
    for (const topic of this.#watched) {
      if (wanted(topic)) this.refresh(topic).catch((error: unknown) => this.#warn(topic, error));
    }
  }

  /** Once as a warning; while it lasts, every poll of every topic would repeat it. */
  #warn(topic: string, error: unknown): void {
    if (MqError.is(error) && error.code === 'CLIENT_CLOSED') return;
    const level = this.#isUnanswered ? 'debug' : 'warn';
    this.#isUnanswered = true;
    this.#client.settings.logger[level]('no name server tells the route of a topic', {
      topic,
      hasRoute: this.routes.get(topic) !== undefined,
      error: error instanceof Error ? error.message : String(error),
    });
  }
}
