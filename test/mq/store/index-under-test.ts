import path from 'node:path';
import type { Clock } from '../../../mq/clock.ts';
import { stampedBy } from '../../../mq/clock.ts';
import { readRecordHeader } from '../../../mq/protocol/message.ts';
import { decodeProperties, PropertyKey } from '../../../mq/protocol/properties.ts';
import type { MessageQuery, MessageStore } from '../../../mq/store/message-store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import type { FaultyFiles } from '../../support/faulty-files.ts';
import { ROOT } from './store-under-test.ts';

export const INDEX_DIRECTORY = path.join(ROOT, 'index');

/** A clock whose wall time is set to whatever the next message is to be stamped with. */
export class StampClock {
  readonly fake = new FakeClock();
  readonly clock: Clock = stampedBy({ now: () => this.nowMs }, this.fake);
  nowMs = 1_800_000_000_000;
}

/** The bytes of every index file, oldest first. */
export function indexFiles(files: FaultyFiles): Buffer[] {
  return files.list(INDEX_DIRECTORY).map((name) => files.bytes(path.join(INDEX_DIRECTORY, name)));
}

export function indexFile(name: string): string {
  return path.join(INDEX_DIRECTORY, name);
}

/** The bodies of what is found, oldest first. */
export async function find(
  store: MessageStore,
  key: string,
  options: Partial<MessageQuery> = {},
): Promise<string[]> {
  const { records } = await store.queryMessages({
    topic: 'TopicA',
    key,
    kind: 'key',
    maxCount: 64,
    beginMs: 0,
    endMs: Number.MAX_SAFE_INTEGER,
    ...options,
  });
  return records.map((record) => {
    const { bodyAt, bodyBytes } = readRecordHeader(record);
    return record.toString('utf8', bodyAt, bodyAt + bodyBytes);
  });
}

export function keysOf(propertiesString: string): string[] {
  const properties = decodeProperties(propertiesString);
  return [
    properties.get(PropertyKey.UNIQ_KEY) ?? '',
    ...(properties.get(PropertyKey.KEYS) ?? '').split(' '),
  ].filter((key) => key !== '');
}
