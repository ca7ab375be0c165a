import type { Clock, TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { PropertyFilter } from '../protocol/filter/property-filter.ts';
import { isTagType, type SubscriptionData } from '../protocol/subscription.ts';
import type { JsonConfigFile } from '../store/config-file.ts';
import type { FilterCache } from './filter-cache.ts';
import { StateFile } from './state-file.ts';
import { readStoredFilters, storedFilters, type StoredFilter } from './stored-filters.ts';

export interface ConsumerFiltersDeps {
  readonly file: Pick<JsonConfigFile, 'read' | 'write'>;
  readonly cache: FilterCache;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The original saves them this often. */
const PERSIST_MS = 10_000;
/** Four heartbeats: by then every member that is still there has said what it wants. */
const HELD_OVER_MS = 120_000;

export interface ConsumerFilter extends StoredFilter {
  /** undefined when the expression does not parse. */
  readonly filter: PropertyFilter | undefined;
  /** Why it does not. */
  readonly problem: string | undefined;
  /** Of an earlier run, until then on the monotonic clock: an older subscription does not replace it. */
  readonly heldOverUntilMs: number | undefined;
}

/**
 * The filters of consumer groups by group and topic, as the groups' heartbeats bring them: a push consumer's pull carries
 * none. What does not parse is kept as such, so that the group is told and gets nothing, rather than everything.
 *
 * They are kept in consumerFilter.json for one reason: when a broker comes back, the first heartbeat may be that of a
 * member with an older subscription, and what the newer one wants would be passed over until that is heard of, too.
 *
 * Order:  a change shows at once and is on disk after 10 s at most.
 * Source: RocketMQ 5.5 ConsumerFilterManager.java, which also keeps filters of groups that are gone, and lets none with a
 *         smaller version replace them for a day: a group that is started anew on a machine whose clock is behind has its
 *         old filter there.
 */
export class ConsumerFilters {
  readonly #byGroup = new Map<string, Map<string, ConsumerFilter>>();
  readonly #state: StateFile;
  readonly #cache: FilterCache;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: TimerHandle | undefined;
  #isClosed = false;

  private constructor(deps: ConsumerFiltersDeps) {
    this.#cache = deps.cache;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#state = new StateFile(deps.file, () => storedFilters(this.#all()));
  }

  /** Never fails for what the file holds: heartbeats bring it again. */
  static async open(deps: ConsumerFiltersDeps): Promise<ConsumerFilters> {
    const filters = new ConsumerFilters(deps);
    filters.#holdOver(await readStoredFilters(deps.file, deps.logger));
    return filters;
  }

  /** Begins to persist in the background. */
  start(): void {
    this.#timer ??= this.#clock.setInterval(() => {
      this.#forgetUnclaimed();
      this.persist().catch((cause: unknown) =>
        this.#logger.error('consumer filters not saved, next try in one interval', { cause }),
      );
    }, PERSIST_MS);
    this.#timer.unref();
  }

  get(group: string, topic: string): ConsumerFilter | undefined {
    return this.#byGroup.get(group)?.get(topic);
  }

  /** What a group subscribes to now; undefined when its last member is gone. To be called with every heartbeat. */
  follow(group: string, subscriptions: ReadonlyMap<string, SubscriptionData> | undefined): void {
    if (this.#isClosed) return;
    for (const filter of this.#byGroup.get(group)?.values() ?? []) {
      const subscription = subscriptions?.get(filter.topic);
      const isWanted = subscription !== undefined && !isTagType(subscription.expressionType);
      if (!isWanted && !this.#isHeldOver(filter)) this.#remove(filter);
    }
    for (const subscription of subscriptions?.values() ?? []) {
      if (!isTagType(subscription.expressionType)) this.#take(group, subscription);
    }
  }

  /** Writes the file when something changed since the last time. */
  persist(): Promise<void> {
    return this.#state.save();
  }

  /** What goes with the connections of a broker that stops is no reason to forget filters. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#clock.clearInterval(this.#timer);
    this.#timer = undefined;
    await this.persist();
  }

  #take(group: string, subscription: SubscriptionData): void {
    const { topic, subString: expression, expressionType, subVersion } = subscription;
    const known = this.get(group, topic);
    const isSame = known?.expression === expression && known.expressionType === expressionType;
    if (isSame && known.clientVersion === subVersion && known.heldOverUntilMs === undefined) return;
    if (known !== undefined && known.clientVersion > subVersion && this.#isHeldOver(known)) return;
    const compiled = this.#compiled(group, subscription);
    this.#put({
      consumerGroup: group,
      topic,
      expression,
      expressionType,
      bornTime: isSame ? known.bornTime : this.#clock.now(),
      clientVersion: subVersion,
      ...compiled,
      heldOverUntilMs: undefined,
    });
  }

  #compiled(
    group: string,
    { topic, subString, expressionType }: SubscriptionData,
  ): Pick<ConsumerFilter, 'filter' | 'problem'> {
    try {
      return { filter: this.#cache.get(expressionType, subString), problem: undefined };
    } catch (error) {
      if (!MqError.is(error)) throw error;
      this.#logger.warn(`group ${group} gets nothing of ${topic}: its filter does not parse`, {
        problem: error.message,
      });
      return { filter: undefined, problem: error.message };
    }
  }

  #holdOver(stored: readonly StoredFilter[]): void {
    const heldOverUntilMs = this.#clock.monotonicMs() + HELD_OVER_MS;
    for (const each of stored) {
      try {
        const filter = this.#cache.get(each.expressionType, each.expression);
        this.#put({ ...each, filter, problem: undefined, heldOverUntilMs });
      } catch (error) {
        if (!MqError.is(error)) throw error;
        this.#logger.warn('a stored filter does not parse, its group will say what it wants', {
          group: each.consumerGroup,
          topic: each.topic,
          problem: error.message,
        });
      }
    }
  }

  #isHeldOver({ heldOverUntilMs }: ConsumerFilter): boolean {
    return heldOverUntilMs !== undefined && this.#clock.monotonicMs() < heldOverUntilMs;
  }

  /** Filters of an earlier run whose group has not come back in twice the time it had. */
  #forgetUnclaimed(): void {
    const now = this.#clock.monotonicMs();
    for (const filter of this.#all()) {
      const { heldOverUntilMs } = filter;
      if (heldOverUntilMs !== undefined && heldOverUntilMs + HELD_OVER_MS <= now) {
        this.#remove(filter);
      }
    }
  }

  #put(filter: ConsumerFilter): void {
    const { consumerGroup, topic } = filter;
    const ofGroup = this.#byGroup.get(consumerGroup) ?? new Map<string, ConsumerFilter>();
    this.#byGroup.set(consumerGroup, ofGroup.set(topic, filter));
    this.#state.noteChange();
  }

  #remove({ consumerGroup, topic }: ConsumerFilter): void {
    const ofGroup = this.#byGroup.get(consumerGroup);
    if (ofGroup?.delete(topic) !== true) return;
    if (ofGroup.size === 0) this.#byGroup.delete(consumerGroup);
    this.#state.noteChange();
  }

  #all(): ConsumerFilter[] {
    return [...this.#byGroup.values()].flatMap((ofGroup) => [...ofGroup.values()]);
  }
}
