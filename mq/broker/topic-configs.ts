import type { Clock } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { dlqTopic, isSystemTopic, retryTopic, SystemTopic } from '../protocol/names.ts';
import { Permission } from '../protocol/sys-flag.ts';
import type { DataVersion, TopicConfig } from '../protocol/topic-config.ts';
import type { JsonConfigFile } from '../store/config-file.ts';
import type { BrokerConfig } from './config.ts';
import { parseDelayLevels } from './delay-levels.ts';

const READ_WRITE = Permission.READ | Permission.WRITE;

export interface TopicConfigsDeps {
  readonly config: BrokerConfig;
  readonly file: JsonConfigFile;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Told of every change of the table; must not reject. Changes that wait for it: see {@link TopicConfigs}. */
export type TopicsListener = () => void | Promise<void>;

/**
 * The topics of this broker, kept in topics.json.
 *
 * Order:  a change shows in `get` at once. The promise of a change settles when it is on disk and the listeners have
 *         done their part (name servers told), except for `createOnSend`, which is synchronous so that messages of
 *         one connection keep their order; whoever acknowledges a send awaits `saving` first.
 * Source: RocketMQ 4.9 TopicConfigManager.java.
 */
export class TopicConfigs {
  readonly #config: BrokerConfig;
  readonly #file: JsonConfigFile;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #table: Map<string, TopicConfig>;
  readonly #listeners: TopicsListener[] = [];
  #dataVersion: DataVersion;
  #isDirty = false;
  #saving: Promise<void> | undefined;

  private constructor(
    deps: TopicConfigsDeps,
    table: Map<string, TopicConfig>,
    dataVersion: DataVersion,
  ) {
    this.#config = deps.config;
    this.#file = deps.file;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#table = table;
    this.#dataVersion = dataVersion;
  }

  /** Reads topics.json and adds the system topics that are missing. Errors: STORE_FAILED when it cannot be read. */
  static async open(deps: TopicConfigsDeps): Promise<TopicConfigs> {
    const stored = readTopicsFile(await deps.file.read());
    const topics = new TopicConfigs(
      deps,
      stored.table,
      stored.dataVersion ?? { stateVersion: 0, timestamp: deps.clock.now(), counter: 0 },
    );
    if (topics.#addSystemTopics()) await topics.#changed();
    return topics;
  }

  get dataVersion(): DataVersion {
    return this.#dataVersion;
  }

  /** The write of topics.json that is under way, if one is. Rejects when the disk refuses it. */
  get saving(): Promise<void> | undefined {
    return this.#saving;
  }

  get(topic: string): TopicConfig | undefined {
    return this.#table.get(topic);
  }

  all(): Iterable<TopicConfig> {
    return this.#table.values();
  }

  get size(): number {
    return this.#table.size;
  }

  onChange(listener: TopicsListener): void {
    this.#listeners.push(listener);
  }

  /**
   * Creates the topic a producer sends to for the first time, after the pattern of `defaultTopic`.
   *
   * Returns undefined when auto-creation is off or the default topic does not allow inheriting from it.
   */
  createOnSend(request: {
    topic: string;
    defaultTopic: string;
    queueNums: number;
  }): TopicConfig | undefined {
    const existing = this.#table.get(request.topic);
    if (existing !== undefined) return existing;
    const pattern = this.#table.get(request.defaultTopic);
    if (!this.#config.autoCreateTopicEnable || pattern === undefined) return undefined;
    if ((pattern.perm & Permission.INHERIT) === 0) return undefined;
    const queueNums = Math.max(1, Math.min(request.queueNums, pattern.writeQueueNums));
    const created: TopicConfig = {
      ...topicConfig(request.topic, queueNums, pattern.perm & ~Permission.INHERIT),
      topicSysFlag: pattern.topicSysFlag,
    };
    this.#logger.info(`topic ${request.topic} created on first send with ${queueNums} queues`);
    this.#table.set(created.topicName, created);
    // Failures reach the sender through `saving`; this handler only keeps the rejection from being unhandled too.
    this.#changed().catch((cause: unknown) => this.#logger.error('topics.json not saved', { cause }));
    return created;
  }

  /** The retry topic of a group; created when missing. */
  async ensureRetryTopic(group: string, queueNums = 1): Promise<TopicConfig> {
    return this.#ensure(topicConfig(retryTopic(group), Math.max(1, queueNums), READ_WRITE));
  }

  /** The dead-letter topic of a group; created when missing. Readable, or tools could not show what is in it. */
  async ensureDlqTopic(group: string): Promise<TopicConfig> {
    return this.#ensure(topicConfig(dlqTopic(group), 1, READ_WRITE));
  }

  /** Creates or replaces a topic's settings. */
  async update(config: TopicConfig): Promise<void> {
    this.#table.set(config.topicName, config);
    await this.#changed();
  }

  /** Returns whether the topic existed. Its messages are the store's business. */
  async delete(topic: string): Promise<boolean> {
    if (!this.#table.delete(topic)) return false;
    await this.#changed();
    return true;
  }

  async #ensure(wanted: TopicConfig): Promise<TopicConfig> {
    const existing = this.#table.get(wanted.topicName);
    if (existing !== undefined) {
      await this.#saving;
      return existing;
    }
    this.#table.set(wanted.topicName, wanted);
    await this.#changed();
    return wanted;
  }

  async #changed(): Promise<void> {
    this.#dataVersion = {
      stateVersion: this.#dataVersion.stateVersion,
      timestamp: this.#clock.now(),
      counter: this.#dataVersion.counter + 1,
    };
    await this.#save();
    await Promise.all(this.#listeners.map((listener) => listener()));
  }

  #save(): Promise<void> {
    this.#isDirty = true;
    this.#saving ??= this.#write().finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  async #write(): Promise<void> {
    while (this.#isDirty) {
      this.#isDirty = false;
      await this.#file.write({
        dataVersion: this.#dataVersion,
        topicConfigTable: Object.fromEntries(this.#table),
      });
    }
  }

  /** Source: wire facts §4.10, less the topics of 5.x features this broker does not have (POP, timer wheel). */
  #addSystemTopics(): boolean {
    const { brokerClusterName, brokerName, defaultTopicQueueNums } = this.#config;
    const wanted = [
      topicConfig(SystemTopic.SELF_TEST_TOPIC, 1, READ_WRITE),
      topicConfig(SystemTopic.BENCHMARK_TOPIC, 1024, READ_WRITE),
      topicConfig(brokerClusterName, 16, READ_WRITE | Permission.INHERIT),
      topicConfig(brokerName, 1, READ_WRITE | Permission.INHERIT),
      topicConfig(SystemTopic.OFFSET_MOVED_EVENT, 1, READ_WRITE),
      topicConfig(
        SystemTopic.SCHEDULE_TOPIC,
        parseDelayLevels(this.#config.messageDelayLevel).length,
        READ_WRITE,
      ),
      topicConfig(`${brokerClusterName}_REPLY_TOPIC`, 1, READ_WRITE),
      topicConfig(SystemTopic.TRANS_HALF_TOPIC, 1, READ_WRITE),
      topicConfig(SystemTopic.TRANS_OP_HALF_TOPIC, 1, READ_WRITE),
    ];
    if (this.#config.traceTopicEnable) {
      wanted.push(topicConfig(SystemTopic.TRACE_TOPIC, 1, READ_WRITE));
    }
    let isChanged = false;
    if (this.#config.autoCreateTopicEnable) {
      wanted.push(
        topicConfig(
          SystemTopic.AUTO_CREATE_TOPIC,
          defaultTopicQueueNums,
          READ_WRITE | Permission.INHERIT,
        ),
      );
    } else {
      // A producer that finds TBW102's route believes its topic will be created on send.
      isChanged = this.#table.delete(SystemTopic.AUTO_CREATE_TOPIC);
    }
    for (const topic of wanted) {
      if (this.#table.has(topic.topicName)) continue;
      this.#table.set(topic.topicName, topic);
      isChanged = true;
    }
    return isChanged;
  }
}

/** A topic with equally many queues to read and to write. */
export function topicConfig(topicName: string, queueNums: number, perm: number): TopicConfig {
  return {
    topicName,
    readQueueNums: queueNums,
    writeQueueNums: queueNums,
    perm,
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: 0,
    order: false,
    attributes: {},
  };
}

/** True for topics an operator may neither redefine nor delete: RocketMQ's own and the two named after this broker. */
export function isReservedTopic(topic: string, config: BrokerConfig): boolean {
  return isSystemTopic(topic) || topic === config.brokerClusterName || topic === config.brokerName;
}

function readTopicsFile(stored: unknown): {
  table: Map<string, TopicConfig>;
  dataVersion: DataVersion | undefined;
} {
  const table = new Map<string, TopicConfig>();
  if (stored === undefined) return { table, dataVersion: undefined };
  const file = record(stored, 'topics.json');
  for (const [topicName, entry] of Object.entries(
    record(file['topicConfigTable'] ?? {}, 'topicConfigTable'),
  )) {
    const fields = record(entry, topicName);
    table.set(topicName, {
      topicName,
      readQueueNums: int(fields['readQueueNums'], 16),
      writeQueueNums: int(fields['writeQueueNums'], 16),
      perm: int(fields['perm'], READ_WRITE),
      topicFilterType: 'SINGLE_TAG',
      topicSysFlag: int(fields['topicSysFlag'], 0),
      order: fields['order'] === true,
      attributes: strings(fields['attributes']),
    });
  }
  const version = record(file['dataVersion'] ?? {}, 'dataVersion');
  return {
    table,
    dataVersion: {
      stateVersion: int(version['stateVersion'], 0),
      timestamp: int(version['timestamp'], 0),
      counter: int(version['counter'], 0),
    },
  };
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new MqError('STORE_FAILED', `topics.json: ${what} is not a JSON object`);
}

function int(value: unknown, fallback: number): number {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : fallback;
}

function strings(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
