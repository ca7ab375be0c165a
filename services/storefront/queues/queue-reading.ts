import { MqError, type Admin, type GroupQueueProgress } from '../../common/mq.module.ts';
import type {
  DeadLetterFigures,
  FindingFigures,
  GroupFigures,
  QueuesEvent,
  TopicFigures,
} from '../live/live-events.ts';
import { shopGroups, type ShopGroup } from './shop-groups.ts';

/** Who is connected changes seldom, and dead letters wait for minutes: they are read in every so many readings. */
const SLOW_EVERY = 5;

type AskedAdmin = Pick<
  Admin,
  'groupProgress' | 'groupMembers' | 'minOffset' | 'queryConsumerOffset' | 'findings'
>;

/** How far a group has come, in its topic and in its own retries. */
interface GroupState {
  readonly of: ShopGroup;
  readonly main: readonly GroupQueueProgress[];
  readonly retries: number;
}

interface Earlier {
  readonly atMs: number;
  readonly put: ReadonlyMap<string, number>;
  readonly consumed: ReadonlyMap<string, number>;
}

/**
 * Reads the queue side off the broker, one request a group: the ends of a topic's queues come with the progress of those who
 * consume it. Rates are what has changed since the reading before.
 */
export class QueueReading {
  readonly #admin: AskedAdmin;
  readonly #monotonicMs: () => number;
  #earlier: Earlier | undefined;
  #members = new Map<string, number>();
  #deadLetters: DeadLetterFigures[] = [];
  #findings: FindingFigures[] | null = [];
  #readingCount = 0;
  #isHurried = false;

  constructor(admin: AskedAdmin, monotonicMs: () => number) {
    this.#admin = admin;
    this.#monotonicMs = monotonicMs;
  }

  /** How many messages wait for a consumer. Errors: those of Admin. */
  async backlog(): Promise<number> {
    return backlogOf(await this.#groups());
  }

  /** Errors: those of Admin. */
  async all(): Promise<QueuesEvent & { readonly backlog: number }> {
    const isSlowTurn = this.#isHurried || this.#readingCount % SLOW_EVERY === 0;
    this.#isHurried = false;
    const [groups] = await Promise.all([
      this.#groups(),
      isSlowTurn ? this.#readSlowParts() : undefined,
    ]);
    this.#readingCount += 1;
    const atMs = this.#monotonicMs();
    const put = new Map(
      groups.map(({ of, main }) => [of.topic, sumOf(main, ({ brokerOffset }) => brokerOffset)]),
    );
    const consumed = new Map(
      groups.map(({ of, main }) => [of.group, sumOf(main, ({ consumerOffset }) => consumerOffset)]),
    );
    const earlier = this.#earlier;
    this.#earlier = { atMs, put, consumed };
    const seconds = earlier === undefined ? 0 : (atMs - earlier.atMs) / 1_000;
    const rate = (now = 0, before = now): number =>
      seconds > 0 ? Math.max(0, now - before) / seconds : 0;
    return {
      topics: topicsOf(groups, (topic) => rate(put.get(topic), earlier?.put.get(topic))),
      groups: groups.map((state) => ({
        ...this.#figuresOf(state),
        consumePerS: rate(consumed.get(state.of.group), earlier?.consumed.get(state.of.group)),
      })),
      deadLetters: this.#deadLetters,
      findings: this.#findings,
      backlog: backlogOf(groups),
    };
  }

  /** Dead letters were given back: how many there are is read with the next reading already. */
  hurry(): void {
    this.#isHurried = true;
  }

  /** After a pause a rate would be that of the whole pause. */
  forget(): void {
    this.#earlier = undefined;
    this.#readingCount = 0;
  }

  #groups(): Promise<GroupState[]> {
    return Promise.all(
      shopGroups.map(async (of) => {
        const progress = await this.#admin.groupProgress(of.group);
        return {
          of,
          main: progress.filter(({ messageQueue }) => messageQueue.topic === of.topic),
          retries: sumOf(
            progress.filter(({ messageQueue }) => messageQueue.topic === `%RETRY%${of.group}`),
            ({ lag }) => lag,
          ),
        };
      }),
    );
  }

  #figuresOf({ of, main, retries }: GroupState): Omit<GroupFigures, 'consumePerS'> {
    return {
      group: of.group,
      topic: of.topic,
      lag: sumOf(main, ({ lag }) => lag),
      retries,
      members: this.#members.get(of.group) ?? 0,
      queues: main.map(({ messageQueue, brokerOffset, consumerOffset, lag }) => ({
        brokerName: messageQueue.brokerName,
        queueId: messageQueue.queueId,
        brokerOffset,
        consumerOffset,
        lag,
      })),
    };
  }

  async #readSlowParts(): Promise<void> {
    const [members, deadLetters, findings] = await Promise.all([
      Promise.all(
        shopGroups.map(
          async ({ group }) => [group, (await this.#admin.groupMembers(group)).length] as const,
        ),
      ),
      Promise.all(shopGroups.map((each) => this.#deadLettersOf(each))),
      this.#readFindings(),
    ]);
    this.#members = new Map(members);
    this.#deadLetters = deadLetters.flat();
    this.#findings = findings;
  }

  /** A group that never had a dead letter has no topic for them, and is left out. */
  async #deadLettersOf({ group, deadLetterGroup }: ShopGroup): Promise<DeadLetterFigures[]> {
    if (deadLetterGroup === undefined) return [];
    const topic = `%DLQ%${group}`;
    const progress = await this.#admin.groupProgress(deadLetterGroup);
    const letters = progress.filter(({ messageQueue }) => messageQueue.topic === topic);
    if (sumOf(letters, ({ brokerOffset }) => brokerOffset) === 0) return [];
    const given = await Promise.all(
      letters.map(async ({ messageQueue, brokerOffset }) => {
        const [min, redriven = 0] = await Promise.all([
          this.#admin.minOffset(messageQueue),
          this.#admin.queryConsumerOffset(group, messageQueue),
        ]);
        return Math.max(0, brokerOffset - Math.max(min, redriven));
      }),
    );
    const waiting = given.reduce((sum, count) => sum + count, 0);
    return [{ group, waiting, beingRetried: sumOf(progress, ({ lag }) => lag) }];
  }

  /** Null: the broker keeps no such list, as an Apache one. */
  async #readFindings(): Promise<FindingFigures[] | null> {
    try {
      return (await this.#admin.findings()).map(
        ({ brokerName, kind, subject, what, advice, seenCount, lastSeenAt }) => ({
          brokerName,
          kind,
          subject,
          what,
          advice,
          seenCount,
          lastSeenAt: new Date(lastSeenAt).toISOString(),
        }),
      );
    } catch (error) {
      if (MqError.is(error) && error.code === 'REQUEST_CODE_NOT_SUPPORTED') return null;
      throw error;
    }
  }
}

function backlogOf(groups: readonly GroupState[]): number {
  return groups.reduce(
    (total, { main, retries }) => total + retries + sumOf(main, ({ lag }) => lag),
    0,
  );
}

function topicsOf(
  groups: readonly GroupState[],
  putPerS: (topic: string) => number,
): TopicFigures[] {
  const byTopic = new Map(groups.map(({ of, main }) => [of.topic, main]));
  return Array.from(byTopic, ([topic, queues]) => ({
    topic,
    putPerS: putPerS(topic),
    messages: sumOf(queues, ({ brokerOffset }) => brokerOffset),
    queues: queues.length,
  }));
}

function sumOf(
  queues: readonly GroupQueueProgress[],
  count: (queue: GroupQueueProgress) => number,
): number {
  return queues.reduce((sum, queue) => sum + count(queue), 0);
}
