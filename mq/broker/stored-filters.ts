import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { JsonConfigFile } from '../store/config-file.ts';
import { storedObject } from './stored-json.ts';

const FILE = 'consumerFilter.json';

/** One filter, as consumerFilter.json has it. */
export interface StoredFilter {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly expression: string;
  readonly expressionType: string;
  /** ms since epoch: when this expression was first heard of. */
  readonly bornTime: number;
  /** The subscription's version. Go counts it in nanoseconds, beyond what a number says exactly. */
  readonly clientVersion: number;
}

/**
 * consumerFilter.json as the original writes it, without bloomFilterData: an original that takes over makes its own.
 *
 *     {"filterDataByTopic":{"TopicA":{"topic":"TopicA","groupFilterData":{"cg":{"consumerGroup":"cg",…}}}}}
 */
export function storedFilters(filters: Iterable<StoredFilter & { filter: unknown }>): unknown {
  // Maps, because peers choose the names: `__proto__` is as good as any.
  const byTopic = new Map<string, Map<string, object>>();
  for (const { filter, ...each } of filters) {
    // What does not parse is of no use to anybody.
    if (filter === undefined) continue;
    const { topic, consumerGroup, expression, expressionType, bornTime, clientVersion } = each;
    const groups = byTopic.get(topic) ?? new Map<string, object>();
    byTopic.set(topic, groups);
    groups.set(consumerGroup, {
      bornTime,
      clientVersion,
      consumerGroup,
      deadTime: 0,
      expression,
      expressionType,
      topic,
    });
  }
  const filterDataByTopic = Object.fromEntries(
    Array.from(byTopic, ([topic, groups]) => [
      topic,
      { topic, groupFilterData: Object.fromEntries(groups) },
    ]),
  );
  return { filterDataByTopic };
}

/** What can be read of the file; the rest is logged. The original's filters of groups that are gone are left out. */
export async function readStoredFilters(
  file: Pick<JsonConfigFile, 'read'>,
  logger: Logger,
): Promise<StoredFilter[]> {
  const found: StoredFilter[] = [];
  try {
    const topics = storedObject(storedObject(await file.read(), FILE)['filterDataByTopic'], FILE);
    for (const ofTopic of Object.values(topics)) {
      const groups = storedObject(storedObject(ofTopic, FILE)['groupFilterData'], FILE);
      for (const stored of Object.values(groups)) found.push(...readFilter(stored));
    }
  } catch (error) {
    if (!MqError.is(error)) throw error;
    logger.warn(`${FILE} cannot be read to its end; the groups will say what they want`, { error });
  }
  return found;
}

function readFilter(stored: unknown): StoredFilter[] {
  const data = storedObject(stored, FILE);
  const { consumerGroup, topic, expression, expressionType } = data;
  const isWhole =
    typeof consumerGroup === 'string' &&
    typeof topic === 'string' &&
    typeof expression === 'string' &&
    typeof expressionType === 'string';
  const [bornTime, deadTime, clientVersion] = ['bornTime', 'deadTime', 'clientVersion'].map(
    (name) => Number(data[name] ?? 0),
  ) as [number, number, number];
  if (!isWhole || Number.isNaN(clientVersion)) {
    throw new MqError('STORE_FAILED', `${FILE} has a filter without its group, topic or text`);
  }
  const isDead = deadTime > 0 && deadTime >= bornTime;
  return isDead
    ? []
    : [{ consumerGroup, topic, expression, expressionType, bornTime, clientVersion }];
}
