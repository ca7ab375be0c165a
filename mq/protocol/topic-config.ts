import { deflateSync, inflateSync } from 'node:zlib';
import { MqError } from '../errors.ts';
import type { JsonSource } from './fast-json.ts';
import { encodeJsonBody, JsonBody } from './json-body.ts';
import { quoted } from './quoted.ts';

export interface TopicConfig {
  topicName: string;
  readQueueNums: number;
  writeQueueNums: number;
  /** Bits of `Permission`. */
  perm: number;
  topicFilterType: TopicFilterType;
  topicSysFlag: number;
  order: boolean;
  /** 5.x only; empty for everything that 4.9 knows. */
  attributes: Record<string, string>;
}

/** MULTI_TAG was never implemented by any broker; it is carried, not obeyed. */
export type TopicFilterType = 'SINGLE_TAG' | 'MULTI_TAG';

/** Which edition of a broker's topic table this is. Two tables are the same when all three numbers are. */
export interface DataVersion {
  stateVersion: number;
  /** Milliseconds since the epoch of the last change. */
  timestamp: number;
  counter: number;
}

export interface TopicConfigTable {
  dataVersion: DataVersion;
  topicConfigTable: Map<string, TopicConfig>;
}

/** The body of REGISTER_BROKER. */
export interface RegisterBrokerBody extends TopicConfigTable {
  filterServerList: string[];
}

/** Inflated, a table of 100,000 topics is some 10 MB; what claims to be far more is an attack. */
const MAX_INFLATED_BYTES = 64 * 1024 * 1024;

export function isSameDataVersion(left: DataVersion, right: DataVersion): boolean {
  return (
    left.stateVersion === right.stateVersion &&
    left.timestamp === right.timestamp &&
    left.counter === right.counter
  );
}

/** The body of the reply to GET_TOPIC_CONFIG. */
export function encodeTopicConfig(config: TopicConfig): Buffer {
  return encodeJsonBody(topicConfigJson(config));
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeTopicConfig(body: Buffer | undefined): TopicConfig {
  return readTopicConfig(JsonBody.parse(body, 'TopicConfig'), '');
}

/** The body of GET_ALL_TOPIC_CONFIG. */
export function encodeTopicConfigTable(table: TopicConfigTable): Buffer {
  return encodeJsonBody(tableJson(table));
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeTopicConfigTable(body: Buffer | undefined): TopicConfigTable {
  return readTable(JsonBody.parse(body, 'TopicConfigTable'));
}

export function encodeDataVersion(version: DataVersion): Buffer {
  return encodeJsonBody(dataVersionJson(version));
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeDataVersion(body: Buffer | undefined): DataVersion {
  return readDataVersion(JsonBody.parse(body, 'DataVersion'));
}

export function encodeRegisterBrokerBody(
  body: RegisterBrokerBody,
  options: { compressed: boolean } = { compressed: false },
): Buffer {
  if (options.compressed) return deflateSync(packRegisterBrokerBody(body));
  return encodeJsonBody({
    filterServerList: body.filterServerList,
    topicConfigSerializeWrapper: tableJson(body),
  });
}

/** Errors: INVALID_ARGUMENT naming the field, also when a compressed body does not inflate. */
export function decodeRegisterBrokerBody(
  body: Buffer | undefined,
  options: { compressed: boolean } = { compressed: false },
): RegisterBrokerBody {
  if (options.compressed) return unpackRegisterBrokerBody(inflate(body ?? Buffer.alloc(0)));
  const json = JsonBody.parse(body, 'RegisterBrokerBody');
  return {
    filterServerList: json.strings('filterServerList'),
    ...readTable(json.object('topicConfigSerializeWrapper')),
  };
}

// 4.9 peers know neither attributes nor stateVersion: what says nothing is left out, as they do.
function topicConfigJson(config: TopicConfig): JsonSource {
  return {
    attributes: hasAttributes(config) ? config.attributes : undefined,
    order: config.order,
    perm: config.perm,
    readQueueNums: config.readQueueNums,
    topicFilterType: config.topicFilterType,
    topicName: config.topicName,
    topicSysFlag: config.topicSysFlag,
    writeQueueNums: config.writeQueueNums,
  };
}

function hasAttributes(config: TopicConfig): boolean {
  return Object.keys(config.attributes).length > 0;
}

export function dataVersionJson(version: DataVersion): JsonSource {
  return {
    counter: version.counter,
    stateVersion: version.stateVersion === 0 ? undefined : version.stateVersion,
    timestamp: version.timestamp,
  };
}

function tableJson(table: TopicConfigTable): JsonSource {
  return {
    dataVersion: dataVersionJson(table.dataVersion),
    topicConfigTable: new Map(
      [...table.topicConfigTable].map(([topic, config]) => [topic, topicConfigJson(config)]),
    ),
  };
}

function readTable(json: JsonBody): TopicConfigTable {
  return {
    dataVersion: readDataVersion(json.object('dataVersion')),
    topicConfigTable: new Map(
      json
        .objectEntries('topicConfigTable')
        .map(([topic, config]) => [topic, readTopicConfig(config, topic)]),
    ),
  };
}

/** Errors: INVALID_ARGUMENT naming the field. A missing part reads as 0. */
export function readDataVersion(json: JsonBody): DataVersion {
  return {
    stateVersion: json.integer('stateVersion', 0),
    timestamp: json.integer('timestamp', 0),
    counter: json.integer('counter', 0),
  };
}

function readTopicConfig(json: JsonBody, topic: string): TopicConfig {
  return {
    topicName: json.optionalString('topicName') ?? topic,
    readQueueNums: json.integer('readQueueNums'),
    writeQueueNums: json.integer('writeQueueNums'),
    perm: json.integer('perm'),
    topicFilterType: toFilterType(json.optionalString('topicFilterType')),
    topicSysFlag: json.integer('topicSysFlag', 0),
    order: json.boolean('order', false),
    attributes: Object.fromEntries(json.stringEntries('attributes')),
  };
}

function toFilterType(text: string | undefined): TopicFilterType {
  return text === 'MULTI_TAG' ? 'MULTI_TAG' : 'SINGLE_TAG';
}

/**
 * The compressed form, before zlib. Every item is an int32 length and that many bytes:
 *
 *     dataVersion JSON
 *     int32 topicCount, then per topic: `name readQueueNums writeQueueNums perm filterType [attributesJSON]`
 *     filterServerList JSON
 *     5.x only: int32 count and static-topic mappings, which are ignored
 *
 * Source: RocketMQ 5.3 RegisterBrokerBody.java, TopicConfig.encode. topicSysFlag and order do not travel.
 */
function packRegisterBrokerBody(body: RegisterBrokerBody): Buffer {
  const topicCount = Buffer.alloc(4);
  topicCount.writeInt32BE(body.topicConfigTable.size);
  const parts = [withLength(encodeDataVersion(body.dataVersion)), topicCount];
  for (const config of body.topicConfigTable.values()) {
    const words = [
      config.topicName,
      config.readQueueNums,
      config.writeQueueNums,
      config.perm,
      config.topicFilterType,
      ...(hasAttributes(config) ? [JSON.stringify(config.attributes)] : []),
    ];
    parts.push(withLength(Buffer.from(words.join(' '), 'utf8')));
  }
  parts.push(withLength(encodeJsonBody(body.filterServerList)));
  return Buffer.concat(parts);
}

function withLength(bytes: Buffer): Buffer {
  const item = Buffer.allocUnsafe(4 + bytes.length);
  item.writeInt32BE(bytes.length);
  bytes.copy(item, 4);
  return item;
}

function inflate(body: Buffer): Buffer {
  try {
    return inflateSync(body, { maxOutputLength: MAX_INFLATED_BYTES });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MqError(
      'INVALID_ARGUMENT',
      `RegisterBrokerBody of ${body.length} bytes does not inflate: ${reason}`,
      { cause },
    );
  }
}

function unpackRegisterBrokerBody(packed: Buffer): RegisterBrokerBody {
  let at = 0;
  const readCount = (what: string): number => {
    const count = at + 4 <= packed.length ? packed.readInt32BE(at) : -1;
    at += 4;
    if (count < 0 || count > packed.length - at) {
      throw new MqError(
        'INVALID_ARGUMENT',
        `RegisterBrokerBody.${what}: length ${count} at byte ${at - 4} of ${packed.length}`,
      );
    }
    return count;
  };
  const readItem = (what: string): Buffer => {
    const end = readCount(what) + at;
    const item = packed.subarray(at, end);
    at = end;
    return item;
  };
  const dataVersion = decodeDataVersion(readItem('dataVersion'));
  const topicConfigTable = new Map<string, TopicConfig>();
  const topicCount = readCount('topicCount');
  for (let index = 0; index < topicCount; index++) {
    const config = parseTopicLine(readItem(`topicConfigs[${index}]`).toString('utf8'));
    topicConfigTable.set(config.topicName, config);
  }
  const filterServerList = readFilterServerList(readItem('filterServerList'));
  return { dataVersion, topicConfigTable, filterServerList };
}

function readFilterServerList(list: Buffer): string[] {
  const wrapped = Buffer.concat([Buffer.from('{"list":'), list, Buffer.from('}')]);
  return JsonBody.parse(wrapped, 'RegisterBrokerBody.filterServerList').strings('list');
}

function parseTopicLine(line: string): TopicConfig {
  const [topicName, readQueueNums, writeQueueNums, perm, filterType, ...rest] = line.split(' ');
  const numbers = [readQueueNums, writeQueueNums, perm].map(Number);
  if (!topicName || !numbers.every((number) => Number.isInteger(number))) {
    throw new MqError(
      'INVALID_ARGUMENT',
      `RegisterBrokerBody.topicConfigs: ${quoted(line)} is not "name read write perm filterType"`,
    );
  }
  const attributes = `{"attributes":${rest.length > 0 ? rest.join(' ') : '{}'}}`;
  return {
    topicName,
    readQueueNums: numbers[0]!,
    writeQueueNums: numbers[1]!,
    perm: numbers[2]!,
    topicFilterType: toFilterType(filterType),
    topicSysFlag: 0,
    order: false,
    attributes: Object.fromEntries(
      JsonBody.parse(Buffer.from(attributes), `topic ${topicName}`).stringEntries('attributes'),
    ),
  };
}
