import path from 'node:path';
import { ConsumerOffsets } from '../../../mq/broker/consumer-offsets.ts';
import { PopOrder } from '../../../mq/broker/pop-order.ts';
import { emptyPopResult, PopReading, type PopResult } from '../../../mq/broker/pop-reading.ts';
import type { PopSource } from '../../../mq/broker/pop-records.ts';
import { Pops, type PopName } from '../../../mq/broker/pops.ts';
import { topicConfig } from '../../../mq/broker/topic-configs.ts';
import type { Logger } from '../../../mq/logger.ts';
import { decodeRecord } from '../../../mq/protocol/message.ts';
import { dlqTopic, popRetryTopic } from '../../../mq/protocol/names.ts';
import { defaultGroupSettings } from '../../../mq/protocol/subscription-group.ts';
import type { TopicConfig } from '../../../mq/protocol/topic-config.ts';
import { JsonConfigFile } from '../../../mq/store/config-file.ts';
import type { Files } from '../../../mq/store/files.ts';
import type { MessageStore, StoreOptions } from '../../../mq/store/message-store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { HOST, message, openStore, readAll, ROOT } from '../store/store-under-test.ts';

export const TOPIC = 'TopicA';
export const GROUP = 'g';
export const QUEUES = 2;
export const REVIVE_TOPIC = 'rmq_sys_REVIVE_LOG_c';
export const REVIVE_QUEUES = 2;

export interface PopsOptions {
  readonly clock?: FakeClock;
  readonly store?: Partial<StoreOptions>;
  readonly threshold?: number;
  readonly reviveQueues?: number;
  readonly retryMaxTimes?: number;
  readonly logger?: Logger;
}

export interface PopWishes {
  readonly group?: string;
  readonly topic?: string;
  readonly queueId?: number;
  readonly max?: number;
  readonly invisibleMs?: number;
  readonly beginsAt?: 'first' | 'end';
  readonly tagsCodes?: ReadonlySet<number>;
  /** An ordered pop, by its attemptId. */
  readonly attempt?: string;
  readonly isWanted?: () => boolean;
}

/** A message as a member of the group has it. */
export interface PoppedMessage {
  readonly body: string;
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly reconsumeTimes: number;
  readonly name: PopName;
}

/** What a broker has for pops, with its store and offsets, on any disk and a clock of its own; no sockets. */
export class PopsUnderTest {
  readonly clock: FakeClock;
  readonly store: MessageStore;
  readonly offsets: ConsumerOffsets;
  readonly pops: Pops;
  readonly order: PopOrder;
  readonly reading: PopReading;
  readonly topics = new Map<string, TopicConfig>([[TOPIC, topicConfig(TOPIC, QUEUES, 6)]]);
  readonly groups = new Map<string, { groupName: string }>();
  lastResult: PopResult = emptyPopResult();

  private constructor(
    clock: FakeClock,
    store: MessageStore,
    offsets: ConsumerOffsets,
    order: PopOrder,
    options: PopsOptions,
  ) {
    this.clock = clock;
    this.store = store;
    this.offsets = offsets;
    this.order = order;
    const logger = options.logger ?? quiet;
    const ensure = (topic: string): Promise<TopicConfig> => {
      const config = this.topics.get(topic) ?? topicConfig(topic, 1, 6);
      this.topics.set(topic, config);
      return Promise.resolve(config);
    };
    for (const groupName of [GROUP, 'other']) this.groups.set(groupName, { groupName });
    this.pops = new Pops({
      store,
      offsets,
      topics: {
        get: (topic) => this.topics.get(topic),
        ensurePopRetryTopic: (topic, group) => ensure(popRetryTopic(topic, group)),
        ensureDlqTopic: (group) => ensure(dlqTopic(group)),
      },
      groups: {
        find: (group) =>
          this.groups.has(group)
            ? {
                ...defaultGroupSettings,
                groupName: group,
                retryMaxTimes: options.retryMaxTimes ?? 16,
              }
            : undefined,
      },
      reviveTopic: REVIVE_TOPIC,
      reviveQueueNums: options.reviveQueues ?? REVIVE_QUEUES,
      brokerName: 'broker-a',
      popInflightMessageThreshold: options.threshold ?? 10_000,
      storeHost: () => HOST,
      clock,
      logger,
    });
    this.reading = new PopReading({
      store,
      offsets,
      pops: this.pops,
      order,
      brokerName: 'broker-a',
    });
  }

  static async open(files: Files, options: PopsOptions = {}): Promise<PopsUnderTest> {
    const { clock = new FakeClock(), logger = quiet } = options;
    const store = await openStore(files, { clock, ...options.store });
    const stateFile = (name: string): JsonConfigFile =>
      new JsonConfigFile(path.join(ROOT, 'config', name), files);
    const offsets = await ConsumerOffsets.open({
      file: stateFile('consumerOffset.json'),
      persistIntervalMs: 5_000,
      clock,
      logger,
    });
    const order = await PopOrder.open({
      file: stateFile('consumerOrderInfo.json'),
      persistIntervalMs: 5_000,
      clock,
      peerClock: clock,
      logger,
      onFree: () => undefined,
    });
    const opened = new PopsUnderTest(clock, store, offsets, order, options);
    if (store.stats.wasAborted) {
      offsets.cutAt((topic, queueId) => store.maxOffset(topic, queueId));
      await offsets.persist();
    }
    // Where messages came again before, as topics.json would say.
    for (const { topic } of store.topics()) {
      if (topic.startsWith('%')) opened.topics.set(topic, topicConfig(topic, 1, 6));
    }
    await opened.pops.start();
    order.start();
    offsets.start();
    return opened;
  }

  async send(body: string, queueId = 0, tag?: string): Promise<void> {
    await this.store.append(message(body, { queueId, ...(tag !== undefined && { tag }) }));
  }

  /** From one queue, or from the retry topic and then all queues. */
  async pop(wishes: PopWishes = {}): Promise<PoppedMessage[]> {
    const { group = GROUP, topic = TOPIC, queueId, max = 32, invisibleMs = 60_000 } = wishes;
    const result = emptyPopResult();
    const popTime = this.clock.now();
    const isOrdered = wishes.attempt !== undefined;
    const retry = popRetryTopic(topic, group);
    const normal = queueId === undefined ? [0, 1] : [queueId];
    const sources: PopSource[] = [
      ...(isOrdered || !this.topics.has(retry) ? [] : [{ topic: retry, queueId: 0 }]),
      ...normal.map((id) => ({ topic, queueId: id })),
    ].map((source) => ({ ...source, consumerGroup: group }));
    const found: PoppedMessage[] = [];
    for (const source of sources) {
      const before = result.ranges.length;
      const recordsBefore = result.records.length;
      await this.reading.take(
        source,
        {
          consumerGroup: group,
          topic,
          isOrdered,
          attemptId: wishes.attempt,
          maxCount: max,
          maxBytes: 1 << 20,
          popTime,
          invisibleTime: invisibleMs,
          reviveQid: isOrdered ? 999 : this.pops.nextReviveQid(),
          beginsAt: wishes.beginsAt ?? 'first',
          selection: { tagsCodes: wishes.tagsCodes },
          isWanted: wishes.isWanted ?? (() => true),
        },
        result,
      );
      const range = result.ranges.slice(before).at(-1);
      if (range === undefined) continue;
      const name = { ...source, startOffset: range.startOffset, popTime };
      for (const record of result.records.slice(recordsBefore)) {
        const { body, queueOffset, reconsumeTimes } = decodeRecord(record);
        const { queueId: id } = source;
        found.push({
          body: body.toString(),
          topic: source.topic,
          queueId: id,
          queueOffset,
          reconsumeTimes,
          name,
        });
      }
    }
    this.lastResult = result;
    return found;
  }

  ack(...messages: readonly PoppedMessage[]): Promise<void> {
    const [first] = messages as [PoppedMessage];
    return this.pops.ack(
      first.name,
      messages.map(({ queueOffset }) => queueOffset),
    );
  }

  /** The same message under its new name. */
  async change(popped: PoppedMessage, invisibleMs: number): Promise<PoppedMessage> {
    const { popTime } = await this.pops.changeInvisibleTime(
      popped.name,
      popped.queueOffset,
      invisibleMs,
    );
    return { ...popped, name: { ...popped.name, startOffset: popped.queueOffset, popTime } };
  }

  /** Lets time pass, and what falls due happen. */
  async advance(ms: number): Promise<void> {
    await this.clock.advanceAndSettle(ms);
    await this.pops.settled();
    await this.clock.advanceAndSettle(0);
  }

  offset(queueId = 0, topic = TOPIC, group = GROUP): number | undefined {
    return this.offsets.query(group, topic, queueId);
  }

  async bodies(topic: string, queueId = 0): Promise<string[]> {
    return (await readAll(this.store, topic, queueId)).map(({ body }) => body.toString());
  }

  async checkpoints(): Promise<string[]> {
    const all: string[] = [];
    for (let queueId = 0; queueId < REVIVE_QUEUES; queueId++) {
      const messages = await readAll(this.store, REVIVE_TOPIC, queueId);
      all.push(...messages.map(({ properties }) => properties.get('TAGS') ?? ''));
    }
    return all;
  }

  /** In good order. */
  async close(): Promise<void> {
    await this.pops.close();
    await this.order.close();
    await this.offsets.close();
    await this.store.close();
  }
}

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} };

export function bodiesOf(messages: readonly PoppedMessage[]): string[] {
  return messages.map(({ body }) => body);
}

/** A process that starts when this one has ended. */
export function nextLife(clock: FakeClock, downMs = 0): FakeClock {
  return new FakeClock(clock.now() + downMs);
}
