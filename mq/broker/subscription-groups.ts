import type { Clock } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { assertGroupName } from '../protocol/names.ts';
import {
  defaultGroupSettings,
  type SubscriptionGroupConfig,
} from '../protocol/subscription-group.ts';
import type { DataVersion } from '../protocol/topic-config.ts';
import type { JsonConfigFile } from '../store/config-file.ts';
import { StateFile } from './state-file.ts';
import { storedBoolean, storedDataVersion, storedInteger, storedObject } from './stored-json.ts';

export interface SubscriptionGroupsDeps {
  readonly file: Pick<JsonConfigFile, 'read' | 'write'>;
  readonly autoCreate: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface StoredGroup {
  readonly config: SubscriptionGroupConfig;
  /** The file's entry as it was read: it keeps what a 5.x broker wrote and this one does not know. */
  readonly asRead: Record<string, unknown>;
}

/** Consumer groups of RocketMQ's own tools, there from the start. */
const systemGroups: readonly string[] = [
  'TOOLS_CONSUMER',
  'FILTERSRV_CONSUMER',
  'SELF_TEST_C_GROUP',
  'CID_ONS-HTTP-PROXY',
  'CID_ONSAPI_PULL',
  'CID_ONSAPI_PERMISSION',
  'CID_ONSAPI_OWNER',
  'CID_RMQ_SYS_TRANS',
];
/** True for groups an operator may not delete: RocketMQ's own, which its tools and the transactions rely on. */
export function isSystemGroup(group: string): boolean {
  return systemGroups.includes(group) || group.startsWith(SYSTEM_PREFIX);
}

/** Groups whose name begins so are created whatever autoCreateSubscriptionGroup says. */
const SYSTEM_PREFIX = 'CID_RMQ_SYS_';

/**
 * The consumer groups this broker knows, kept in subscriptionGroup.json.
 *
 * Source: RocketMQ 4.9 SubscriptionGroupManager.java, SubscriptionGroupConfig.java.
 */
export class SubscriptionGroups {
  readonly #deps: SubscriptionGroupsDeps;
  readonly #table: Map<string, StoredGroup>;
  readonly #rest: Record<string, unknown>;
  readonly #state: StateFile;
  #dataVersion: DataVersion;

  private constructor(deps: SubscriptionGroupsDeps, stored: GroupsFile) {
    this.#deps = deps;
    this.#table = stored.table;
    this.#rest = stored.rest;
    this.#dataVersion = stored.dataVersion;
    this.#state = new StateFile(deps.file, () => this.#snapshot());
    for (const group of systemGroups) if (!this.#table.has(group)) this.#add(group);
  }

  /** Errors: STORE_FAILED when the file is not what it should be. */
  static async open(deps: SubscriptionGroupsDeps): Promise<SubscriptionGroups> {
    const groups = new SubscriptionGroups(deps, readGroupsFile(await deps.file.read()));
    await groups.#state.save();
    return groups;
  }

  get dataVersion(): DataVersion {
    return this.#dataVersion;
  }

  get size(): number {
    return this.#table.size;
  }

  all(): Iterable<SubscriptionGroupConfig> {
    return Array.from(this.#table.values(), ({ config }) => config);
  }

  has(group: string): boolean {
    return this.#table.has(group);
  }

  /** A group's settings, without creating it. */
  find(group: string): SubscriptionGroupConfig | undefined {
    return this.#table.get(group)?.config;
  }

  /**
   * A group's settings; a group seen for the first time is created with the defaults, if that is allowed.
   *
   * Errors: INVALID_ARGUMENT for a name that cannot be a group's.
   */
  get(group: string): SubscriptionGroupConfig | undefined {
    const stored = this.#table.get(group);
    if (stored !== undefined) return stored.config;
    assertGroupName(group);
    if (!this.#deps.autoCreate && !group.startsWith(SYSTEM_PREFIX)) return undefined;
    this.#deps.logger.info(`consumer group ${group} created, first seen now`);
    const created = this.#add(group);
    // Losing this write loses nothing: the group would be created again with the same defaults.
    this.#state
      .save()
      .catch((cause: unknown) =>
        this.#deps.logger.error('subscriptionGroup.json not saved', { cause }),
      );
    return created;
  }

  /**
   * Creates a group or replaces its settings; they hold when this settles.
   *
   * Errors: INVALID_ARGUMENT for a name that cannot be a group's; SERVICE_NOT_AVAILABLE when they cannot be saved.
   */
  async update(config: SubscriptionGroupConfig): Promise<void> {
    assertGroupName(config.groupName);
    const asRead = this.#table.get(config.groupName)?.asRead ?? {};
    await this.#put(config.groupName, { config, asRead });
  }

  /** Returns whether the group existed. Its progress is ConsumerOffsets' business. Errors: as `update`. */
  async delete(group: string): Promise<boolean> {
    if (!this.#table.has(group)) return false;
    await this.#put(group, undefined);
    return true;
  }

  async close(): Promise<void> {
    await this.#state.save();
  }

  /** Undone when it cannot be saved: what an operator was refused must not hold until the next restart. */
  async #put(group: string, stored: StoredGroup | undefined): Promise<void> {
    const before = this.#table.get(group);
    this.#set(group, stored);
    try {
      await this.#state.save();
    } catch (cause) {
      if (this.#table.get(group) === stored) this.#set(group, before);
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new MqError(
        'SERVICE_NOT_AVAILABLE',
        `subscriptionGroup.json cannot be saved: ${reason}`,
        { retriable: true, cause },
      );
    }
  }

  #add(group: string): SubscriptionGroupConfig {
    const config = { groupName: group, ...defaultGroupSettings };
    this.#set(group, { config, asRead: {} });
    return config;
  }

  #set(group: string, stored: StoredGroup | undefined): void {
    if (stored === undefined) this.#table.delete(group);
    else this.#table.set(group, stored);
    this.#dataVersion = {
      stateVersion: this.#dataVersion.stateVersion,
      timestamp: this.#deps.clock.now(),
      counter: this.#dataVersion.counter + 1,
    };
    this.#state.noteChange();
  }

  #snapshot(): unknown {
    const groups = [...this.#table].map(([group, { config, asRead }]) => [
      group,
      { ...asRead, ...config },
    ]);
    return {
      ...this.#rest,
      dataVersion: this.#dataVersion,
      subscriptionGroupTable: Object.fromEntries(groups) as Record<string, unknown>,
    };
  }
}

interface GroupsFile {
  table: Map<string, StoredGroup>;
  dataVersion: DataVersion;
  rest: Record<string, unknown>;
}

function readGroupsFile(stored: unknown): GroupsFile {
  const file = 'subscriptionGroup.json';
  const { dataVersion, subscriptionGroupTable, ...rest } = storedObject(stored, file);
  const table = new Map<string, StoredGroup>();
  const groups = storedObject(subscriptionGroupTable, `${file}: subscriptionGroupTable`);
  for (const [group, entry] of Object.entries(groups)) {
    const path = `${file}: subscriptionGroupTable.${group}`;
    const asRead = storedObject(entry, path);
    table.set(group, { config: readGroup(group, asRead, path), asRead });
  }
  return {
    table,
    dataVersion: storedDataVersion(dataVersion, `${file}: dataVersion`),
    rest,
  };
}

function readGroup(
  groupName: string,
  fields: Record<string, unknown>,
  path: string,
): SubscriptionGroupConfig {
  const fallback = defaultGroupSettings;
  const boolean = (name: NamesOf<boolean>): boolean =>
    storedBoolean(fields[name], `${path}.${name}`, fallback[name]);
  const integer = (name: NamesOf<number>): number =>
    storedInteger(fields[name], `${path}.${name}`, fallback[name]);
  return {
    groupName,
    consumeEnable: boolean('consumeEnable'),
    consumeFromMinEnable: boolean('consumeFromMinEnable'),
    consumeBroadcastEnable: boolean('consumeBroadcastEnable'),
    consumeMessageOrderly: boolean('consumeMessageOrderly'),
    retryQueueNums: integer('retryQueueNums'),
    retryMaxTimes: integer('retryMaxTimes'),
    brokerId: integer('brokerId'),
    whichBrokerWhenConsumeSlowly: integer('whichBrokerWhenConsumeSlowly'),
    notifyConsumerIdsChangedEnable: boolean('notifyConsumerIdsChangedEnable'),
    groupSysFlag: integer('groupSysFlag'),
    consumeTimeoutMinute: integer('consumeTimeoutMinute'),
  };
}

type Settings = typeof defaultGroupSettings;
/** The settings of one type. */
type NamesOf<T> = { [K in keyof Settings]: Settings[K] extends T ? K : never }[keyof Settings];
