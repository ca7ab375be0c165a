import type { JsonSource } from './fast-json.ts';
import { encodeJsonBody, JsonBody } from './json-body.ts';
import { dataVersionJson, readDataVersion, type DataVersion } from './topic-config.ts';

/** What operators can set for one consumer group. Names as in RocketMQ's SubscriptionGroupConfig. */
export interface SubscriptionGroupConfig {
  readonly groupName: string;
  /** false: its pulls are refused. */
  readonly consumeEnable: boolean;
  readonly consumeFromMinEnable: boolean;
  readonly consumeBroadcastEnable: boolean;
  readonly consumeMessageOrderly: boolean;
  /** 0: what its consumers give back is dropped. */
  readonly retryQueueNums: number;
  /** Redeliveries before a message goes to the dead-letter queue, for consumers that do not say it themselves. */
  readonly retryMaxTimes: number;
  readonly brokerId: number;
  readonly whichBrokerWhenConsumeSlowly: number;
  readonly notifyConsumerIdsChangedEnable: boolean;
  readonly groupSysFlag: number;
  readonly consumeTimeoutMinute: number;
}

/** The body of GET_ALL_SUBSCRIPTIONGROUP_CONFIG. */
export interface SubscriptionGroupTable {
  dataVersion: DataVersion;
  subscriptionGroupTable: Map<string, SubscriptionGroupConfig>;
}

/** What holds where nobody says otherwise, as in Java's SubscriptionGroupConfig. */
export const defaultGroupSettings: Omit<SubscriptionGroupConfig, 'groupName'> = {
  consumeEnable: true,
  consumeFromMinEnable: true,
  consumeBroadcastEnable: true,
  consumeMessageOrderly: false,
  retryQueueNums: 1,
  retryMaxTimes: 16,
  brokerId: 0,
  whichBrokerWhenConsumeSlowly: 1,
  notifyConsumerIdsChangedEnable: true,
  groupSysFlag: 0,
  consumeTimeoutMinute: 15,
};

/** The body of UPDATE_AND_CREATE_SUBSCRIPTIONGROUP and of the reply to GET_SUBSCRIPTIONGROUP_CONFIG. */
export function encodeSubscriptionGroup(config: SubscriptionGroupConfig): Buffer {
  return encodeJsonBody(groupJson(config));
}

/** Errors: INVALID_ARGUMENT naming the field. What is left out has Java's default. */
export function decodeSubscriptionGroup(body: Buffer | undefined): SubscriptionGroupConfig {
  const json = JsonBody.parse(body, 'SubscriptionGroupConfig');
  return readGroup(json, json.string('groupName'));
}

export function encodeSubscriptionGroupTable(table: SubscriptionGroupTable): Buffer {
  return encodeJsonBody({
    dataVersion: dataVersionJson(table.dataVersion),
    subscriptionGroupTable: new Map(
      [...table.subscriptionGroupTable].map(([group, config]) => [group, groupJson(config)]),
    ),
  });
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeSubscriptionGroupTable(body: Buffer | undefined): SubscriptionGroupTable {
  const json = JsonBody.parse(body, 'SubscriptionGroupWrapper');
  return {
    dataVersion: readDataVersion(json.object('dataVersion')),
    subscriptionGroupTable: new Map(
      json
        .objectEntries('subscriptionGroupTable')
        .map(([group, config]) => [group, readGroup(config, group)]),
    ),
  };
}

// In FastJSON's order. The three that 4.9 peers do not know are left out where they say nothing, as with topics.
function groupJson(config: SubscriptionGroupConfig): JsonSource {
  return {
    brokerId: config.brokerId,
    consumeBroadcastEnable: config.consumeBroadcastEnable,
    consumeEnable: config.consumeEnable,
    consumeFromMinEnable: config.consumeFromMinEnable,
    consumeMessageOrderly: unlessDefault(config, 'consumeMessageOrderly'),
    consumeTimeoutMinute: unlessDefault(config, 'consumeTimeoutMinute'),
    groupName: config.groupName,
    groupSysFlag: unlessDefault(config, 'groupSysFlag'),
    notifyConsumerIdsChangedEnable: config.notifyConsumerIdsChangedEnable,
    retryMaxTimes: config.retryMaxTimes,
    retryQueueNums: config.retryQueueNums,
    whichBrokerWhenConsumeSlowly: config.whichBrokerWhenConsumeSlowly,
  };
}

function unlessDefault(
  config: SubscriptionGroupConfig,
  name: keyof typeof defaultGroupSettings,
): number | boolean | undefined {
  return config[name] === defaultGroupSettings[name] ? undefined : config[name];
}

function readGroup(json: JsonBody, groupName: string): SubscriptionGroupConfig {
  const fallback = defaultGroupSettings;
  return {
    groupName,
    consumeEnable: json.boolean('consumeEnable', fallback.consumeEnable),
    consumeFromMinEnable: json.boolean('consumeFromMinEnable', fallback.consumeFromMinEnable),
    consumeBroadcastEnable: json.boolean('consumeBroadcastEnable', fallback.consumeBroadcastEnable),
    consumeMessageOrderly: json.boolean('consumeMessageOrderly', fallback.consumeMessageOrderly),
    retryQueueNums: json.integer('retryQueueNums', fallback.retryQueueNums),
    retryMaxTimes: json.integer('retryMaxTimes', fallback.retryMaxTimes),
    brokerId: json.integer('brokerId', fallback.brokerId),
    whichBrokerWhenConsumeSlowly: json.integer(
      'whichBrokerWhenConsumeSlowly',
      fallback.whichBrokerWhenConsumeSlowly,
    ),
    notifyConsumerIdsChangedEnable: json.boolean(
      'notifyConsumerIdsChangedEnable',
      fallback.notifyConsumerIdsChangedEnable,
    ),
    groupSysFlag: json.integer('groupSysFlag', fallback.groupSysFlag),
    consumeTimeoutMinute: json.integer('consumeTimeoutMinute', fallback.consumeTimeoutMinute),
  };
}
