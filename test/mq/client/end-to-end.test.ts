import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Admin,
  Producer,
  PushConsumer,
  type ConsumedMessage,
  type ConsumeResult,
  type ProducerOptions,
  type PushConsumerOptions,
} from '../../../mq/index.ts';
import { dlqTopic } from '../../../mq/protocol/names.ts';
import { startBroker, startNameServer, type Broker } from '../../../mq/server.ts';
import { parseHostPort } from '../../../mq/protocol/host-address.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { until } from '../../support/deadline.ts';
import { closeOpened, open } from '../../support/opened.ts';

let mq: TestBroker;

function producer(options: Partial<ProducerOptions> = {}): Producer {
  return open(new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'p', ...options }));
}

/** A consumer of topic T and the messages it got. */
function consumer(
  options: Partial<PushConsumerOptions> & { tags?: string } = {},
  handle: (message: ConsumedMessage) => ConsumeResult | undefined = () => undefined,
): { member: PushConsumer; got: ConsumedMessage[] } {
  const { tags = '*', ...rest } = options;
  const got: ConsumedMessage[] = [];
  const member = new PushConsumer({ namesrvAddr: mq.namesrvAddr, consumerGroup: 'c', ...rest });
  member.subscribe('T', tags).onMessage((message) => {
    got.push(message);
    return handle(message);
  });
  return { member: open(member), got };
}

const bodies = (messages: readonly ConsumedMessage[]): string[] =>
  messages.map((message) => message.text()).toSorted();

beforeEach(async () => {
  // Level 3 is where retries begin.
  mq = open(await testBroker({ messageDelayLevel: '1s 1s 1s 1s' }));
});

afterEach(closeOpened);

describe('a message', () => {
  it('reaches the consumer as it was sent', async () => {
    await mq.createTopic('T');
    const { member, got } = consumer();
    await member.start();
    const sent = await producer().send({
      topic: 'T',
      body: 'grüß',
      tags: 'A',
      keys: ['k1', 'k2'],
      properties: { colour: 'red' },
      flag: 9,
    });
    await until(() => got.length === 1);
    expect(got[0]).toMatchObject({
      topic: 'T',
      msgId: sent.msgId,
      offsetMsgId: sent.offsetMsgId,
      queueId: sent.messageQueue.queueId,
      queueOffset: sent.queueOffset,
      brokerName: sent.messageQueue.brokerName,
      tags: 'A',
      keys: ['k1', 'k2'],
      flag: 9,
      reconsumeTimes: 0,
    });
    expect(got[0]!.text()).toBe('grüß');
    expect(got[0]!.properties.get('colour')).toBe('red');
  });

  it('of 100 KB is compressed on its way and whole at its end', async () => {
    await mq.createTopic('T');
    const { member, got } = consumer();
    await member.start();
    const body = JSON.stringify({ items: Array.from({ length: 10_000 }, (_, index) => index) });
    await producer().send({ topic: 'T', body });
    await until(() => got.length === 1);
    expect(got[0]!.storeSize).toBeLessThan(body.length);
    expect(got[0]!.text()).toBe(body);
  });

  it('creates its topic when it is the first', async () => {
    const { member, got } = consumer();
    await member.start();
    const sent = await producer().send({ topic: 'T', body: 'first' });
    expect(sent.status).toBe('SEND_OK');
    await until(() => got.length === 1);
  });

  it.each(['JSON', 'ROCKETMQ'] as const)(
    'travels in a batch, oneway, and to a chosen queue, with %s headers',
    async (serializeType) => {
      await mq.createTopic('T', 3);
      const { member, got } = consumer({ serializeType });
      await member.start();
      const sender = producer({ serializeType });
      const batch = await sender.sendBatch([
        { topic: 'T', body: '1' },
        { topic: 'T', body: '2', tags: 'A' },
      ]);
      await sender.sendOneway({ topic: 'T', body: '3' });
      const [, second] = await sender.queues('T');
      const chosen = await sender.send({ topic: 'T', body: '4' }, { queue: second! });
      expect(chosen.messageQueue).toEqual(second);
      await until(() => got.length === 4);
      expect(bodies(got)).toEqual(['1', '2', '3', '4']);
      expect(got.filter(({ msgId }) => batch.msgId.split(',').includes(msgId))).toHaveLength(2);
    },
  );

  it('reaches only groups that want its tag', async () => {
    await mq.createTopic('T');
    const some = consumer({ consumerGroup: 'some', tags: 'A || B' });
    const all = consumer({ consumerGroup: 'all' });
    await Promise.all([some.member.start(), all.member.start()]);
    const sender = producer();
    for (const tags of ['A', 'B', 'C', 'D']) await sender.send({ topic: 'T', body: tags, tags });
    await until(() => all.got.length === 4 && some.got.length === 2);
    expect(bodies(some.got)).toEqual(['A', 'B']);
  });

  it('is refused when it is too large, with both sizes, by producer and broker', async () => {
    await mq.createTopic('T');
    const body = Buffer.alloc(4 * 1024 * 1024 + 1, 'x');
    await expect(producer().send({ topic: 'T', body })).rejects.toMatchObject({
      code: 'MESSAGE_ILLEGAL',
      message: expect.stringContaining('4194305 bytes exceeds maxMessageBytes 4194304') as unknown,
    });
    const careless = producer({
      maxMessageBytes: 16 * 1024 * 1024,
      compressMsgBodyOverHowmuch: Infinity,
    });
    await expect(careless.send({ topic: 'T', body })).rejects.toMatchObject({
      code: 'MESSAGE_ILLEGAL',
      retriable: false,
      message: expect.stringContaining('4194304') as unknown,
    });
  });

  it('that fails comes again later, under its own topic, and at last goes to the dead-letter queue', async () => {
    await mq.createTopic('T', 1);
    const { member, got } = consumer({ maxReconsumeTimes: 1 }, () => 'RECONSUME_LATER');
    await member.start();
    const sent = await producer().send({ topic: 'T', body: 'poison' });
    await using admin = new Admin({ namesrvAddr: mq.namesrvAddr });
    const dead = await until(async () => {
      const route = await admin.topicRoute(dlqTopic('c'));
      return route === undefined ? undefined : await admin.queues(dlqTopic('c'));
    });
    await until(async () => (await admin.maxOffset(dead[0]!)) === 1);
    expect(got.map(({ topic, reconsumeTimes, msgId }) => [topic, reconsumeTimes, msgId])).toEqual([
      ['T', 0, sent.msgId],
      ['T', 1, sent.msgId],
    ]);
  });
});

describe('a consumer group', () => {
  it('shares the queues, and takes over those of a member that leaves', async () => {
    await mq.createTopic('T', 4);
    const first = consumer();
    const second = consumer();
    const owned = ({ member }: { member: PushConsumer }): number =>
      member.assignedQueues().filter(({ topic }) => topic === 'T').length;
    await first.member.start();
    expect(owned(first)).toBe(4);
    await second.member.start();
    await until(() => owned(first) === 2 && owned(second) === 2);
    const sender = producer();
    for (let count = 0; count < 40; count++) await sender.send({ topic: 'T', body: `${count}` });
    await until(() => first.got.length + second.got.length >= 40);
    expect(new Set(bodies([...first.got, ...second.got])).size).toBe(40);
    expect(first.got.length).toBe(20);
    await second.member.shutdown();
    await until(() => owned(first) === 4);
  });

  it('resumes where it stopped', async () => {
    await mq.createTopic('T', 2);
    const sender = producer();
    const before = consumer();
    await before.member.start();
    for (let count = 0; count < 10; count++) await sender.send({ topic: 'T', body: `${count}` });
    await until(() => before.got.length === 10);
    await before.member.shutdown();
    for (let count = 10; count < 15; count++) await sender.send({ topic: 'T', body: `${count}` });
    const after = consumer();
    await after.member.start();
    await until(() => after.got.length >= 5);
    expect(bodies(after.got)).toEqual(['10', '11', '12', '13', '14']);
  });
});

describe('admin', () => {
  it('shows topics, offsets, progress and single messages', async () => {
    await using admin = new Admin({ namesrvAddr: mq.namesrvAddr });
    await admin.createTopic({ topic: 'T', readQueueNums: 1 });
    const sender = producer();
    const first = await sender.send({ topic: 'T', body: 'one' });
    const second = await sender.send({ topic: 'T', body: 'two' });
    const [queue] = await admin.queues('T');
    await expect(admin.topicList()).resolves.toContain('T');
    await expect(admin.minOffset(queue!)).resolves.toBe(0);
    await until(async () => (await admin.maxOffset(queue!)) === 2);
    const stored = (await admin.viewMessage(second.offsetMsgId))!;
    expect(stored.text()).toBe('two');
    await expect(admin.searchOffset(queue!, stored.storeTimestamp + 60_000)).resolves.toBe(2);
    expect((await admin.viewMessage(first.offsetMsgId))?.msgId).toBe(first.msgId);
    const nowhere = first.offsetMsgId.slice(0, -4) + 'FFFF';
    await expect(admin.viewMessage(nowhere)).resolves.toBeUndefined();
    await admin.updateConsumerOffset('g', queue!, 1);
    await expect(admin.consumerProgress('g', 'T')).resolves.toEqual([
      { messageQueue: queue, brokerOffset: 2, consumerOffset: 1, lag: 1 },
    ]);
    await expect(admin.groupProgress('g')).resolves.toEqual([
      { messageQueue: queue, brokerOffset: 2, consumerOffset: 1, lag: 1 },
    ]);
    await expect(admin.groupProgress('nobody')).resolves.toEqual([]);
    await expect(admin.groupMembers('g')).resolves.toEqual([]);
  });

  it('deletes a topic, and knows none that does not exist', async () => {
    await using admin = new Admin({ namesrvAddr: mq.namesrvAddr });
    await admin.createTopic({ topic: 'T' });
    expect((await admin.topicRoute('T'))?.queueDatas[0]?.writeQueueNums).toBe(8);
    await admin.deleteTopic('T');
    await expect(admin.topicRoute('T')).resolves.toBeUndefined();
    await expect(admin.queues('T')).rejects.toMatchObject({ code: 'NO_ROUTE' });
    await admin.deleteTopic('T');
    const { clusterAddrTable } = await admin.clusterInfo();
    expect([...clusterAddrTable.values()].flat()).toEqual([mq.broker.config.brokerName]);
    await expect(admin.createTopic({ topic: 'T', cluster: 'none' })).rejects.toMatchObject({
      code: 'NO_ROUTE',
    });
  });
});

describe('while servers come and go', () => {
  it('nothing acknowledged is lost when the broker restarts under a running producer and consumer', async () => {
    const storePathRootDir = await mkdtemp(join(tmpdir(), 'millrace-client-'));
    open({
      [Symbol.asyncDispose]: () => rm(storePathRootDir, { recursive: true, force: true }),
    });
    const nameServer = open(await startNameServer({ listenPort: 0 }));
    const namesrvAddr = nameServer.address;
    let listenPort = 0;
    const boot = async (): Promise<Broker> => {
      const broker = await startBroker({
        storePathRootDir,
        namesrvAddr,
        listenPort,
        autoCreateTopicEnable: true,
        flushDiskType: 'ASYNC_FLUSH',
      });
      listenPort = parseHostPort(broker.address).port;
      return open(broker);
    };
    let broker = await boot();
    const { member, got } = consumer({ namesrvAddr });
    const sender = producer({ namesrvAddr });
    const acknowledged: string[] = [];
    await sender.send({ topic: 'T', body: 'first' });
    acknowledged.push('first');
    await member.start();

    const stop = new AbortController();
    const sending = (async () => {
      for (let count = 0; !stop.signal.aborted; count++) {
        try {
          await sender.send({ topic: 'T', body: `${count}` });
          acknowledged.push(`${count}`);
        } catch {
          // While the broker is away sends fail; only what was acknowledged must arrive.
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
    })();
    for (let round = 1; round <= 2; round++) {
      const before = acknowledged.length;
      await until(() => acknowledged.length > before + 50 && got.length > before);
      await broker.close();
      broker = await boot();
    }
    const before = acknowledged.length;
    await until(() => acknowledged.length > before + 50);
    stop.abort();
    await sending;
    await until(() => {
      const arrived = new Set(bodies(got));
      return acknowledged.every((body) => arrived.has(body));
    });
  });

  it('running producers and consumers carry on without any name server', async () => {
    // First opened, last closed: a broker that closes still writes.
    const storePathRootDir = `${mq.storeDir}-2`;
    open({
      [Symbol.asyncDispose]: () => rm(storePathRootDir, { recursive: true, force: true }),
    });
    const nameServer = open(await startNameServer({ listenPort: 0 }));
    const broker = open(
      await startBroker({
        storePathRootDir,
        namesrvAddr: nameServer.address,
        listenPort: 0,
        autoCreateTopicEnable: true,
      }),
    );
    expect(broker.address).not.toBe(mq.brokerAddr);
    const sender = producer({ namesrvAddr: nameServer.address });
    await sender.send({ topic: 'T', body: '0' });
    const { member, got } = consumer({ namesrvAddr: nameServer.address });
    await member.start();
    await until(() => got.length === 1);
    await nameServer.close();
    for (let count = 1; count <= 10; count++) await sender.send({ topic: 'T', body: `${count}` });
    await until(() => got.length === 11);
  });
});
