import { MqError } from '../errors.ts';
import { assertTopicName } from '../protocol/names.ts';
import { getMaxOffset } from '../protocol/requests/get-max-offset.ts';
import { getMinOffset } from '../protocol/requests/get-min-offset.ts';
import { queryTopicConsumeByWho } from '../protocol/requests/query-topic-consume-by-who.ts';
import { decodeGroupList } from '../protocol/group-list.ts';
import { orderedQueueCounts } from '../protocol/route.ts';
import type { TopicConfig } from '../protocol/topic-config.ts';
import { milliseconds, wholeNumber } from './client-options.ts';
import type { ClusterView } from './cluster-view.ts';
import {
  DrainWatch,
  drainedTo,
  notDrained,
  type QueueState,
  type UndrainedQueue,
} from './drain-watch.ts';
import { storedOffset } from './group-offsets.ts';
import type { MqClient } from './mq-client.ts';
import { pause } from './pause.ts';
import type { TopicAdmin, TopicBrokers } from './topic-admin.ts';

export interface ShrinkTopicOptions extends TopicBrokers {
  /**
   * Who must have consumed everything. Default: every group that subscribes to the topic now or has progress in it. A
   * group that broadcasts tells no broker its progress, and one that is no more makes none: name the others then.
   */
  consumerGroups?: readonly string[];
  /**
   * How long no message may have come into the queues that go. Default 60 s: producers look for a new route every 30 s.
   * An Apache broker delivers delayed messages and commits half messages into the queue they were sent to: with such,
   * as long as they may wait.
   */
  quietMs?: number;
  /** Default 10 min. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Told every time it has looked, while anything is left; an empty list when only the quiet time is missing. */
  onProgress?: (left: readonly UndrainedQueue[]) => void;
}

/** What one broker had before it has `queueNums` queues at most. */
export interface ShrunkTopic {
  brokerName: string;
  readQueueNums: number;
  writeQueueNums: number;
}

/** A broker that fails so is waited for. */
const passing: ReadonlySet<string> = new Set([
  'CONNECT_FAILED',
  'CONNECTION_CLOSED',
  'REQUEST_TIMEOUT',
  'SERVICE_NOT_AVAILABLE',
  'SYSTEM_BUSY',
]);
const LOOK_MS = 1_000;
const QUIET_MS = 60_000;
const TIMEOUT_MS = 600_000;

interface Settings {
  readonly topic: string;
  readonly queueNums: number;
  readonly consumerGroups: readonly string[] | undefined;
  readonly quietMs: number;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (left: readonly UndrainedQueue[]) => void;
}

/**
 * Makes a topic smaller without losing a message: first producers lose the queues, then, when all is consumed, consumers.
 *
 * All there is to know about how far it has come is in the topic's settings on each broker, writeQueueNums below
 * readQueueNums: whoever is cut short starts over, and goes on where it was.
 */
export class TopicShrink {
  readonly #client: MqClient;
  readonly #cluster: ClusterView;
  readonly #topics: TopicAdmin;

  constructor(client: MqClient, cluster: ClusterView, topics: TopicAdmin) {
    this.#client = client;
    this.#cluster = cluster;
    this.#topics = topics;
  }

  /** See Admin.shrinkTopic. */
  async run(topic: string, queueNums: number, options: ShrinkTopicOptions): Promise<ShrunkTopic[]> {
    assertTopicName(topic);
    wholeNumber('queueNums', queueNums, 1);
    const { clock } = this.#client.settings;
    const failed = new AbortController();
    const { signal, consumerGroups, onProgress = () => undefined } = options;
    if (signal?.aborted === true) {
      throw new MqError('REQUEST_ABORTED', `topic ${topic} is left as it is`, {
        cause: signal.reason,
      });
    }
    const settings: Settings = {
      topic,
      queueNums,
      consumerGroups,
      quietMs: options.quietMs === 0 ? 0 : milliseconds('quietMs', options.quietMs ?? QUIET_MS),
      deadlineMs: clock.monotonicMs() + milliseconds('timeoutMs', options.timeoutMs ?? TIMEOUT_MS),
      signal: signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]),
      onProgress,
    };
    const brokers = (await this.#topics.on(topic, options)).filter(
      ({ config }) => Math.max(config.readQueueNums, config.writeQueueNums) > queueNums,
    );
    await this.#assertNotListed(topic, queueNums, brokers);
    const shrinking = brokers.map(async ({ brokerName, address, config }) => {
      try {
        await new BrokerShrink(this.#client, this.#topics, settings, { brokerName, address }).run();
      } catch (error) {
        // What cannot be helped on one need not be waited for on the others; time is up for all at once anyway.
        failed.abort(error);
        throw error;
      }
      const { readQueueNums, writeQueueNums } = config;
      return { brokerName, readQueueNums, writeQueueNums };
    });
    const outcomes = await Promise.allSettled(shrinking);
    const failures = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
    );
    if (failures.length > 0) throw failed.signal.reason ?? failures[0];
    return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []));
  }

  /** Errors: ILLEGAL_OPERATION when ORDER_TOPIC_CONFIG lists queues that are to go: producers go by it alone. */
  async #assertNotListed(
    topic: string,
    queueNums: number,
    brokers: readonly { brokerName: string }[],
  ): Promise<void> {
    const { orderTopicConf } = (await this.#cluster.topicRoute(topic)) ?? {};
    for (const [brokerName, queueCount] of orderedQueueCounts({ orderTopicConf })) {
      if (!brokers.some((broker) => broker.brokerName === brokerName)) continue;
      if (queueCount <= queueNums) continue;
      throw new MqError(
        'ILLEGAL_OPERATION',
        `ORDER_TOPIC_CONFIG gives topic ${topic} ${brokerName}:${queueCount}, more than ${queueNums}: lower it there first`,
        { details: { topic, orderTopicConf, queueNums } },
      );
    }
  }
}

/** The shrinking of a topic on one broker. */
class BrokerShrink {
  readonly #client: MqClient;
  readonly #topics: TopicAdmin;
  readonly #settings: Settings;
  readonly #broker: { brokerName: string; address: string };
  readonly #watch: DrainWatch;
  #left: readonly UndrainedQueue[] = [];
  /** What consumers were told to lose: the settings before, and where the queues ended. */
  #taken: { config: TopicConfig; ends: string } | undefined;
  #lastError: unknown;

  constructor(
    client: MqClient,
    topics: TopicAdmin,
    settings: Settings,
    broker: { brokerName: string; address: string },
  ) {
    this.#client = client;
    this.#topics = topics;
    this.#settings = settings;
    this.#broker = broker;
    this.#watch = new DrainWatch(settings.quietMs);
  }

  /** Errors: NOT_DRAINED when time is up; REQUEST_ABORTED; what keeps the broker from being asked or changed for good. */
  async run(): Promise<void> {
    const { clock } = this.#client.settings;
    const { topic, deadlineMs, signal } = this.#settings;
    while (!(await this.#isDone())) {
      if (clock.monotonicMs() + LOOK_MS > deadlineMs) {
        const { brokerName } = this.#broker;
        throw notDrained(topic, brokerName, this.#left, this.#lastError);
      }
      await pause(clock, LOOK_MS, signal);
    }
  }

  /** Looks once, and does what can be done. A broker that is away for a while is waited for. */
  async #isDone(): Promise<boolean> {
    try {
      const isDone = await this.#step();
      this.#lastError = undefined;
      return isDone;
    } catch (error) {
      if (!MqError.is(error) || !passing.has(error.code)) throw error;
      this.#lastError = error;
      return false;
    }
  }

  async #step(): Promise<boolean> {
    const { topic, queueNums, onProgress } = this.#settings;
    const { address } = this.#broker;
    const config = await this.#topics.config(address, topic);
    // Deleted meanwhile: nothing is left to be lost.
    if (config === undefined) return true;
    const { readQueueNums, writeQueueNums } = config;
    if (readQueueNums <= queueNums && writeQueueNums <= queueNums) return this.#isStillDrained();
    if (writeQueueNums > queueNums) {
      await this.#topics.put(address, { ...config, writeQueueNums: queueNums });
      this.#watch.disturb();
    }
    const queues = await this.#queues(queueNums, readQueueNums);
    const isQuiet = this.#watch.isQuiet(queues, this.#client.settings.clock.monotonicMs());
    this.#left = await this.#undrained(queues);
    if (this.#left.length === 0 && isQuiet) return this.#takeAway(config, queues);
    onProgress(this.#left);
    return false;
  }

  /** The broker refuses when a message has come since it was looked. */
  async #takeAway(config: TopicConfig, queues: readonly QueueState[]): Promise<boolean> {
    const { queueNums } = this.#settings;
    const fewer = { writeQueueNums: queueNums, readQueueNums: queueNums };
    // Noted before: the answer may be lost.
    this.#taken = { config, ends: drainedTo(queues) };
    try {
      const { address } = this.#broker;
      await this.#topics.put(address, { ...config, ...fewer }, this.#taken.ends);
    } catch (error) {
      if (!MqError.is(error) || error.code !== 'ILLEGAL_OPERATION') throw error;
      this.#taken = undefined;
      this.#watch.disturb();
      return false;
    }
    return this.#isStillDrained();
  }

  /** An Apache broker refuses nothing: looked at again, and consumers get the queues back when a message has come. */
  async #isStillDrained(): Promise<boolean> {
    if (this.#taken === undefined) return true;
    const { config, ends } = this.#taken;
    const { queueNums } = this.#settings;
    // What it had taken before may take a moment to show. Not to be aborted: the message would stay where nobody reads.
    await pause(this.#client.settings.clock, LOOK_MS);
    const now = await this.#queues(queueNums, config.readQueueNums);
    if (drainedTo(now) === ends) return true;
    await this.#topics.put(this.#broker.address, { ...config, writeQueueNums: queueNums });
    this.#taken = undefined;
    this.#watch.disturb();
    return false;
  }

  /** The queues `[firstId, endId)`. */
  #queues(firstId: number, endId: number): Promise<QueueState[]> {
    const { topic } = this.#settings;
    const { address } = this.#broker;
    const ids = Array.from({ length: Math.max(0, endId - firstId) }, (_, index) => firstId + index);
    return Promise.all(
      ids.map(async (queueId) => {
        const max = await this.#client.call(address, getMaxOffset, { topic, queueId });
        const maxOffset = max.header.offset;
        // Of a queue that never held anything an Apache broker says that it begins at −1.
        if (maxOffset <= 0) return { queueId, minOffset: 0, maxOffset: 0 };
        const min = await this.#client.call(address, getMinOffset, { topic, queueId });
        return { queueId, minOffset: min.header.offset, maxOffset };
      }),
    );
  }

  async #undrained(queues: readonly QueueState[]): Promise<UndrainedQueue[]> {
    const { topic } = this.#settings;
    const { brokerName, address } = this.#broker;
    const used = queues.filter(({ minOffset, maxOffset }) => maxOffset > minOffset);
    const groups = used.length === 0 ? [] : await this.#groups();
    const pairs = used.flatMap((queue) =>
      groups.map(async (consumerGroup) => {
        const { queueId, maxOffset } = queue;
        const messageQueue = { topic, brokerName, queueId };
        const consumerOffset = await storedOffset(this.#client, {
          address,
          consumerGroup,
          queue: messageQueue,
        });
        const isDrained = consumerOffset !== undefined && consumerOffset >= maxOffset;
        return isDrained ? [] : { brokerName, queueId, consumerGroup, consumerOffset, maxOffset };
      }),
    );
    return (await Promise.all(pairs)).flat();
  }

  async #groups(): Promise<readonly string[]> {
    const { topic, consumerGroups } = this.#settings;
    if (consumerGroups !== undefined) return consumerGroups;
    const { body } = await this.#client.call(this.#broker.address, queryTopicConsumeByWho, {
      topic,
    });
    return decodeGroupList(body);
  }
}
