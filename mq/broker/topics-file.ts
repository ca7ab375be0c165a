import { Permission } from '../protocol/sys-flag.ts';
import type { DataVersion, TopicConfig } from '../protocol/topic-config.ts';
import { storedBoolean, storedDataVersion, storedInteger, storedObject } from './stored-json.ts';

/** topics.json as it was read. */
export interface TopicsFile {
  table: Map<string, TopicConfig>;
  dataVersion: DataVersion;
  /** What a 5.x broker keeps in the file beside the topics. */
  rest: Record<string, unknown>;
}

/**
 * Reads topics.json, the original's or ours. Errors: STORE_FAILED naming the field that is not what it should be.
 *
 * Source: RocketMQ 5.3 TopicConfigSerializeWrapper.java.
 */
export function readTopicsFile(stored: unknown): TopicsFile {
  const file = 'topics.json';
  const { dataVersion, topicConfigTable, ...rest } = storedObject(stored, file);
  const table = new Map<string, TopicConfig>();
  const topics = storedObject(topicConfigTable, `${file}: topicConfigTable`);
  for (const [topicName, entry] of Object.entries(topics)) {
    table.set(topicName, readTopic(topicName, entry, `${file}: topicConfigTable.${topicName}`));
  }
  return {
    table,
    dataVersion: storedDataVersion(dataVersion, `${file}: dataVersion`),
    rest,
  };
}

function readTopic(topicName: string, entry: unknown, path: string): TopicConfig {
  const fields = storedObject(entry, path);
  const integer = (name: keyof TopicConfig, fallback: number): number =>
    storedInteger(fields[name], `${path}.${name}`, fallback);
  return {
    topicName,
    readQueueNums: integer('readQueueNums', 16),
    writeQueueNums: integer('writeQueueNums', 16),
    perm: integer('perm', Permission.READ | Permission.WRITE),
    topicFilterType: fields['topicFilterType'] === 'MULTI_TAG' ? 'MULTI_TAG' : 'SINGLE_TAG',
    topicSysFlag: integer('topicSysFlag', 0),
    order: storedBoolean(fields['order'], `${path}.order`, false),
    attributes: Object.fromEntries(
      Object.entries(storedObject(fields['attributes'], `${path}.attributes`)).map(
        ([name, value]) => [name, String(value)],
      ),
    ),
  };
}
