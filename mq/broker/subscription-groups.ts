import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { assertGroupName } from '../protocol/names.ts';
import type { DataVersion } from '../protocol/topic-config.ts';
import type { JsonConfigFile } from '../store/config-file.ts';
import { StateFile } from './state-file.ts';
import { storedBoolean, storedDataVersion, storedInteger, storedObject } from './stored-json.ts';

/** What operators can set for one consumer group. Names as in RocketMQ's SubscriptionGroupConfig. */
export interface SubscriptionGroupConfig {
  readonly groupName: string;
  readonly consumeEnable: boolean;
  readonly consumeFromMinEnable: boolean;
  readonly consumeBroadcastEnable: boolean;
  readonly consumeMessageOrderly: boolean;
  readonly retryQueueNums: number;
  readonly retryMaxTimes: number;
  readonly brokerId: number;
  readonly whichBrokerWhenConsumeSlowly: number;
  readonly notifyConsumerIdsChangedEnable: boolean;
  readonly groupSysFlag: number;
  readonly consumeTimeoutMinute: number;
}

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
const systemGroups = [
  'TOOLS_CONSUMER',
  'FILTERSRV_CONSUMER',
  'SELF_TEST_C_GROUP',
  'CID_ONS-HTTP-PROXY',
  'CID_ONSAPI_PULL',
  'CID_ONSAPI_PERMISSION',
  'CID_ONSAPI_OWNER',
  'CID_RMQ_SYS_TRANS',
];
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

  has(group: string): boolean {
    return this.#table.has(group);
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

  async close(): Promise<void> {
    await this.#state.save();
  }

  #add(group: string): SubscriptionGroupConfig {
    const config = readGroup(group, {}, group);
    this.#table.set(group, { config, asRead: {} });
    this.#dataVersion = {
      stateVersion: this.#dataVersion.stateVersion,
      timestamp: this.#deps.clock.now(),
      counter: this.#dataVersion.counter + 1,
    };
    this.#state.noteChange();
    return config;
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
  const boolean = (name: keyof SubscriptionGroupConfig, fallback: boolean): boolean =>
    storedBoolean(fields[name], `${path}.${name}`, fallback);
  const integer = (name: keyof SubscriptionGroupConfig, fallback: number): number =>
    storedInteger(fields[name], `${path}.${name}`, fallback);
  return {
    groupName,
    consumeEnable: boolean('consumeEnable', true),
    consumeFromMinEnable: boolean('consumeFromMinEnable', true),
    consumeBroadcastEnable: boolean('consumeBroadcastEnable', true),
    consumeMessageOrderly: boolean('consumeMessageOrderly', false),
    retryQueueNums: integer('retryQueueNums', 1),
    retryMaxTimes: integer('retryMaxTimes', 16),
    brokerId: integer('brokerId', 0),
    whichBrokerWhenConsumeSlowly: integer('whichBrokerWhenConsumeSlowly', 1),
    notifyConsumerIdsChangedEnable: boolean('notifyConsumerIdsChangedEnable', true),
    groupSysFlag: integer('groupSysFlag', 0),
    consumeTimeoutMinute: integer('consumeTimeoutMinute', 15),
  };
}
