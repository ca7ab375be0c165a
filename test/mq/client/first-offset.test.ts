import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin, Producer, PushConsumer, type PushConsumerOptions } from '../../../mq/index.ts';
import { startBroker, startNameServer, type Broker } from '../../../mq/server.ts';
import { until } from '../../support/deadline.ts';

const BODY_BYTES = 9_000;
/** What is kept of the old topic begins with one of these, and ends behind the last. */
const OLD = Array.from({ length: 12 }, (_, index) => `old${index}`);

let directory: string;
let nameServer: Awaited<ReturnType<typeof startNameServer>>;
let broker: Broker;
let admin: Admin;
let producer: Producer;
let min: number;
let groupCount = 0;

/** A topic whose first messages are gone: their segment of the CommitLog is. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-first-offset-'));
  nameServer = await startNameServer({ listenPort: 0, kvConfigPath: '' });
  const namesrvAddr = nameServer.address;
  const start = (): Promise<Broker> =>
    startBroker({
      listenPort: 0,
      namesrvAddr,
      storePathRootDir: directory,
      maxMessageSize: 16 * 1024,
      mappedFileSizeCommitLog: 64 * 1024,
      flushDiskType: 'ASYNC_FLUSH',
    });
  broker = await start();
  admin = new Admin({ namesrvAddr });
  await admin.createTopic({ topic: 'Old', readQueueNums: 1 });
  await admin.createTopic({ topic: 'Young', readQueueNums: 1 });
  producer = new Producer({ namesrvAddr, producerGroup: 'p' });
  await producer.start();
  for (const name of OLD) {
    // What cannot be compressed.
    const body = `${name} ${randomBytes(BODY_BYTES).toString('base64')}`;
    await producer.send({ topic: 'Old', body });
  }
  await broker.close();
  await rm(join(directory, 'commitlog', '0'.repeat(20)));
  broker = await start();
  await until(async () => (await admin.topicRoute('Old')) !== undefined);
  min = await admin.minOffset(old);
  for (const body of ['y0', 'y1']) await producer.send({ topic: 'Young', body });
}, 30_000);

afterAll(async () => {
  await producer.shutdown();
  await admin.shutdown();
  await broker.close();
  await nameServer.close();
  await rm(directory, { recursive: true, force: true });
});

const old = { topic: 'Old', brokerName: 'broker-a', queueId: 0 };
const kept = (): string[] => OLD.slice(min);

/** What a new group gets that begins so, up to a message that is sent when it has begun. */
async function firstMessages(
  topic: string,
  options: Partial<PushConsumerOptions>,
  before: (consumerGroup: string) => Promise<unknown> = () => Promise.resolve(),
): Promise<string[]> {
  const consumerGroup = `g${++groupCount}`;
  await before(consumerGroup);
  const got: string[] = [];
  await using consumer = new PushConsumer({
    namesrvAddr: nameServer.address,
    consumerGroup,
    concurrency: 1,
    ...options,
  });
  consumer.subscribe(topic).onMessage((message) => {
    got.push(message.text().split(' ')[0]!);
  });
  await consumer.start();
  const last = `for-${consumerGroup}`;
  await producer.send({ topic, body: last });
  await until(() => got.includes(last));
  return got.filter((body) => !body.startsWith('for-'));
}

describe('a new group', () => {
  it('has an old topic before it, whose first messages are gone', () => {
    expect(min).toBeGreaterThan(0);
    expect(kept().length).toBeGreaterThan(2);
  });

  it('begins with the first message kept of an old topic, told CONSUME_FROM_FIRST_OFFSET', async () => {
    const options = { consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' } as const;
    expect(await firstMessages('Old', options)).toEqual(kept());
  });

  it('begins at the end of an old topic, told CONSUME_FROM_LAST_OFFSET or nothing', async () => {
    expect(await firstMessages('Old', {})).toEqual([]);
    const options = { consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET' } as const;
    expect(await firstMessages('Old', options)).toEqual([]);
  });

  it('begins at a time in an old topic, told CONSUME_FROM_TIMESTAMP', async () => {
    const at = (queueOffset: number): number =>
      broker.store.storeTimeOf('Old', old.queueId, queueOffset);
    const consumeFromWhere = 'CONSUME_FROM_TIMESTAMP' as const;
    const second = { consumeFromWhere, consumeTimestampMs: at(min + 1) };
    // Several may have been stored within that millisecond.
    const first = OLD.findIndex((_, offset) => offset >= min && at(offset) >= at(min + 1));
    expect(await firstMessages('Old', second)).toEqual(OLD.slice(first));
    expect(await firstMessages('Old', { consumeFromWhere, consumeTimestampMs: 0 })).toEqual(kept());
    const later = { consumeFromWhere, consumeTimestampMs: Date.now() + 60_000 };
    expect(await firstMessages('Old', later)).toEqual([]);
  });

  it.each([
    'CONSUME_FROM_FIRST_OFFSET',
    'CONSUME_FROM_LAST_OFFSET',
    'CONSUME_FROM_TIMESTAMP',
  ] as const)('begins with the first message of a young topic, told %s', async (where) => {
    const options = { consumeFromWhere: where, consumeTimestampMs: Date.now() };
    expect(await firstMessages('Young', options)).toEqual(['y0', 'y1']);
  });

  it('begins where it was sent before it ever came, whatever it was told', async () => {
    const send = (offset: number) => async (consumerGroup: string) => {
      await admin.updateSubscriptionGroup({ consumerGroup });
      await admin.resetOffset(consumerGroup, 'Old', { offset }, { queue: old });
    };
    const options = { consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET' } as const;
    expect(await firstMessages('Old', options, send(min + 1))).toEqual(kept().slice(1));
    const skip = async (consumerGroup: string): Promise<void> => {
      await admin.updateSubscriptionGroup({ consumerGroup });
      await admin.skipBacklog(consumerGroup, 'Young');
    };
    const first = { consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' } as const;
    expect(await firstMessages('Young', first, skip)).toEqual([]);
  });

  it('refuses an offset that is no longer kept, with both numbers', async () => {
    await admin.updateSubscriptionGroup({ consumerGroup: 'late' });
    await expect(admin.resetOffset('late', 'Old', { offset: 0 }, { queue: old })).rejects.toThrow(
      `offset 0 of Old@broker-a@0 is no longer kept; the first that is, is ${min}`,
    );
    await expect(
      admin.resetOffset('late', 'Old', { offset: 9_999 }, { queue: old }),
    ).rejects.toThrow(/offset 9999 is past the end of Old@broker-a@0, which is \d+/);
  });
});
