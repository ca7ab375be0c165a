import type { Clock } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import {
  dlqTopic,
  isSystemTopic,
  popRetryTopic,
  replyTopic,
  retryTopic,
  reviveTopic,
  SystemTopic,
} from '../protocol/names.ts';
import { Permission } from '../protocol/sys-flag.ts';
import type { DataVersion, TopicConfig } from '../protocol/topic-config.ts';
import type { JsonConfigFile } from '../store/config-file.ts';
import type { BrokerConfig } from './config.ts';
import { parseDelayLevels } from './delay-levels.ts';
import { StateFile } from './state-file.ts';
import { readTopicsFile, type TopicsFile } from './topics-file.ts';

const READ_WRITE = Permission.READ | Permission.WRITE;
/** Topics whose number of queues follows the configuration at every start. */
const configured: ReadonlySet<string> = new Set([
  SystemTopic.AUTO_CREATE,
  SystemTopic.SCHEDULE,
  SystemTopic.TRANSACTION_OP,
]);

export interface TopicConfigsDeps {
  readonly config: BrokerConfig;
  readonly file: Pick<JsonConfigFile, 'read' | 'write'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Told of every change of the table; must not reject. Changes that wait for it: see {@link TopicConfigs}. */
export type TopicsListener = () => Promise<void>;

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
  readonly #state: StateFile;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #table: Map<string, TopicConfig>;
  readonly #listeners: TopicsListener[] = [];
  #dataVersion: DataVersion;
  #saving: Promise<void> | undefined;
  #changing: Promise<void> | undefined;

  private constructor(deps: TopicConfigsDeps, stored: TopicsFile) {
    this.#config = deps.config;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#table = stored.table;
    this.#dataVersion = stored.dataVersion;
    this.#state = new StateFile(deps.file, () => ({
      ...stored.rest,
      dataVersion: this.#dataVersion,
      topicConfigTable: Object.fromEntries(this.#table),
    }));
  }

  /** Reads topics.json and adds the system topics that are missing. Errors: STORE_FAILED when the file is not what it should be. */
  static async open(deps: TopicConfigsDeps): Promise<TopicConfigs> {
    const topics = new TopicConfigs(deps, readTopicsFile(await deps.file.read()));
    if (topics.#addSystemTopics()) await topics.#changed();
    return topics;
  }

  get dataVersion(): DataVersion {
    return this.#dataVersion;
  }

  /** The writes of topics.json that are under way, if any. Rejects when the disk refuses one of them. */
  get saving(): Promise<void> | undefined {
    return this.#saving;
  }

  get(topic: string): TopicConfig | undefined {
    return this.#table.get(topic);
  }

  /**
   * Where a message goes that was sent to `queueId` a while ago: there, unless the topic has become smaller, or is about
   * to. A queue that nobody writes to any more is being drained, and one that nobody reads would keep the message for
   * good. Undefined when there is no such topic.
   */
  queueFor(topic: string, queueId: number): number | undefined {
    const config = this.#table.get(topic);
    if (config === undefined) return undefined;
    const { readQueueNums, writeQueueNums } = config;
    return queueId % Math.max(1, writeQueueNums > 0 ? writeQueueNums : readQueueNums);
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
    // Failures reach the sender through `saving`; this handler only keeps the rejection from being unhandled too.
    this.#put(created.topicName, created).catch((cause: unknown) =>
      this.#logger.error(`topic ${created.topicName} not created`, { cause }),
    );
    return created;
  }

  /** The retry topic of a group; created when missing. */
  async ensureRetryTopic(group: string, queueNums = 1): Promise<TopicConfig> {
    return this.#ensure(topicConfig(retryTopic(group), Math.max(1, queueNums), READ_WRITE));
  }

  /** Where messages come again that a group popped from a topic; created when missing. */
  async ensurePopRetryTopic(topic: string, group: string): Promise<TopicConfig> {
    return this.#ensure(topicConfig(popRetryTopic(topic, group), 1, READ_WRITE));
  }

  /** The dead-letter topic of a group; created when missing. Readable, or tools could not show what is in it. */
  async ensureDlqTopic(group: string): Promise<TopicConfig> {
    return this.#ensure(topicConfig(dlqTopic(group), 1, READ_WRITE));
  }

  /** Where half messages go that were checked too often; created when missing. */
  async ensureDiscardTopic(): Promise<TopicConfig> {
    return this.#ensure(topicConfig(SystemTopic.TRANSACTION_CHECK_MAX_TIME, 1, READ_WRITE));
  }

  /** Creates or replaces a topic's settings. */
  async update(config: TopicConfig): Promise<void> {
    await this.#put(config.topicName, config);
  }

  /** Returns whether the topic existed. Its messages are the store's business. */
  async delete(topic: string): Promise<boolean> {
    if (!this.#table.has(topic)) return false;
    await this.#put(topic, undefined);
    return true;
  }

  async #ensure(wanted: TopicConfig): Promise<TopicConfig> {
    const existing = this.#table.get(wanted.topicName);
    if (existing !== undefined) {
      // Somebody else may be creating it just now; nobody is told it exists before everybody can find it.
      await this.#changing;
      return existing;
    }
    await this.#put(wanted.topicName, wanted);
    return wanted;
  }

  /** Undone when it cannot be saved: a topic that a restart would forget must not be sent to. */
  async #put(topic: string, config: TopicConfig | undefined): Promise<void> {
    const before = this.#table.get(topic);
    this.#set(topic, config);
    try {
      await this.#changed();
    } catch (cause) {
      if (this.#table.get(topic) === config) {
        this.#set(topic, before);
        this.#state.noteChange();
      }
      throw cause;
    }
  }

  #set(topic: string, config: TopicConfig | undefined): void {
    if (config === undefined) this.#table.delete(topic);
    else this.#table.set(topic, config);
  }

  async #changed(): Promise<void> {
    this.#dataVersion = {
      stateVersion: this.#dataVersion.stateVersion,
      timestamp: this.#clock.now(),
      counter: this.#dataVersion.counter + 1,
    };
    const changing = this.#saveAndTell();
    this.#changing = changing;
    try {
      await changing;
    } finally {
      if (this.#changing === changing) this.#changing = undefined;
    }
  }

  async #saveAndTell(): Promise<void> {
    await this.#save();
    await Promise.all(this.#listeners.map((listener) => listener()));
  }

  async #save(): Promise<void> {
    this.#state.noteChange();
    const saving = this.#state.save().catch((cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new MqError('SERVICE_NOT_AVAILABLE', `topics.json cannot be saved: ${reason}`, {
        retriable: true,
        cause,
      });
    });
    const all = Promise.all([this.#saving, saving]).then(() => undefined);
    // Its failure is known to whoever asked for a change; this keeps it from being unhandled too.
    all.catch(() => undefined);
    this.#saving = all;
    try {
      await saving;
    } finally {
      if (this.#saving === all) this.#saving = undefined;
    }
  }

  /** Source: RocketMQ 5.3 TopicConfigManager.init, less those of features this broker does not have. */
  #addSystemTopics(): boolean {
    const { brokerClusterName, brokerName, defaultTopicQueueNums } = this.#config;
    const wanted = [
      topicConfig(SystemTopic.SELF_TEST, 1, READ_WRITE),
      topicConfig(SystemTopic.BENCHMARK, 1024, READ_WRITE),
      topicConfig(brokerClusterName, 16, READ_WRITE | Permission.INHERIT),
      topicConfig(brokerName, 1, READ_WRITE | Permission.INHERIT),
      topicConfig(SystemTopic.OFFSET_MOVED_EVENT, 1, READ_WRITE),
      topicConfig(
        SystemTopic.SCHEDULE,
        parseDelayLevels(this.#config.messageDelayLevel).length,
        READ_WRITE,
      ),
      topicConfig(replyTopic(brokerClusterName), 1, READ_WRITE),
      topicConfig(reviveTopic(brokerClusterName), this.#config.reviveQueueNum, READ_WRITE),
      topicConfig(SystemTopic.TRANSACTION_HALF, 1, READ_WRITE),
      // The original has one; the other says which discarded half messages were resumed.
      topicConfig(SystemTopic.TRANSACTION_OP, 2, READ_WRITE),
    ];
    if (this.#config.traceTopicEnable) {
      wanted.push(topicConfig(SystemTopic.TRACE, 1, READ_WRITE));
    }
    let isChanged = false;
    if (this.#config.autoCreateTopicEnable) {
      wanted.push(
        topicConfig(
          SystemTopic.AUTO_CREATE,
          defaultTopicQueueNums,
          READ_WRITE | Permission.INHERIT,
        ),
      );
    } else {
      // A producer that finds TBW102's route believes its topic will be created on send.
      isChanged = this.#table.delete(SystemTopic.AUTO_CREATE);
    }
    for (const topic of wanted) {
      const existing = this.#table.get(topic.topicName);
      const isAsConfigured =
        !configured.has(topic.topicName) || existing?.writeQueueNums === topic.writeQueueNums;
      if (existing !== undefined && isAsConfigured) continue;
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
