import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin, Producer } from '../../mq/index.ts';
import { until } from '../support/deadline.ts';
import { bodyCrc32, collecting, messages } from './support/expectations.ts';
import { startOfficialCluster, type OfficialCluster } from './support/official-cluster.ts';
import { consume, javaPeer, killPeers, produce } from './support/peer.ts';
import { javaVersions } from './support/toolchain.ts';

const java = javaPeer(javaVersions.newest5);

describe('our client on the official broker', () => {
  let cluster: OfficialCluster;

  beforeAll(async () => {
    cluster = await startOfficialCluster();
  });
  afterEach(killPeers);
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  describe.each(['JSON', 'ROCKETMQ'] as const)('with %s headers', (serializeType) => {
    it('sends one by one, oneway, in a batch and compressed; an official consumer gets each', async () => {
      const topic = `Ours-${serializeType}`;
      await cluster.createTopic(topic, 4);
      const peer = await consume(java, {
        namesrv: cluster.namesrvAddr,
        topic,
        group: `peer-${serializeType}`,
        count: 40,
      });
      await using producer = new Producer({
        namesrvAddr: cluster.namesrvAddr,
        producerGroup: 'ours',
        serializeType,
      });
      await producer.start();
      const all = messages(topic, 40, 50).map((message, index) =>
        index < 5 ? { ...message, body: String(message.keys).padEnd(50_000, 'pqr') } : message,
      );
      for (const message of all.slice(0, 20)) {
        const result = await producer.send(message);
        expect(result.status).toBe('SEND_OK');
        expect(result.offsetMsgId).toMatch(/^[0-9A-F]{32}$/);
      }
      for (const message of all.slice(20, 30)) await producer.sendOneway(message);
      await producer.sendBatch(all.slice(30));
      const received = await peer.received;
      expect(new Map(received.map((got) => [got.key, got.bodyCrc32]))).toEqual(
        new Map(all.map((message) => [String(message.keys), bodyCrc32(message)])),
      );
      expect(received).toHaveLength(40);
    });

    it('consumes what an official producer sends, once each', async () => {
      const topic = `Theirs-${serializeType}`;
      await cluster.createTopic(topic, 4);
      const sent = await produce(java, {
        namesrv: cluster.namesrvAddr,
        topic,
        count: 50,
        size: 6_000,
      });
      await collecting(
        {
          namesrvAddr: cluster.namesrvAddr,
          consumerGroup: `ours-${serializeType}`,
          topic,
          serializeType,
        },
        async (collected) => {
          expect(await collected.keys(50)).toEqual(sent.map(({ key }) => key).toSorted());
          expect(collected.messages).toHaveLength(50);
          expect(collected.messages.every((message) => message.body.length === 6_000)).toBe(true);
        },
      );
    });
  });

  it('asks for redelivery and gets the message again', async () => {
    await cluster.createTopic('OursRetry', 2);
    await using producer = new Producer({
      namesrvAddr: cluster.namesrvAddr,
      producerGroup: 'ours',
    });
    await producer.start();
    await collecting(
      {
        namesrvAddr: cluster.namesrvAddr,
        consumerGroup: 'ours-retry',
        topic: 'OursRetry',
        failFirst: true,
      },
      async (collected) => {
        await producer.send({ topic: 'OursRetry', body: 'again', keys: 'r1' });
        await collected.keys(1);
        const again = await until(() => collected.messages[1], {
          timeoutMs: 60_000,
          what: 'the redelivered message',
        });
        expect(again).toMatchObject({ topic: 'OursRetry', reconsumeTimes: 1, keys: ['r1'] });
      },
    );
  });

  it('resumes where the group left off', async () => {
    const topic = 'OursResume';
    await cluster.createTopic(topic, 2);
    await using producer = new Producer({
      namesrvAddr: cluster.namesrvAddr,
      producerGroup: 'ours',
    });
    await producer.start();
    const options = { namesrvAddr: cluster.namesrvAddr, consumerGroup: 'ours-resume', topic };
    await producer.send({ topic, body: '1', keys: 'first' });
    await collecting(options, async (collected) => {
      expect(await collected.keys(1)).toEqual(['first']);
    });
    await producer.send({ topic, body: '2', keys: 'second' });
    await collecting(options, async (collected) => {
      expect(await collected.keys(1)).toEqual(['second']);
    });
  });

  it('administers topics', async () => {
    await using admin = new Admin({ namesrvAddr: cluster.namesrvAddr });
    await admin.start();
    await admin.createTopic({ topic: 'OursAdmin', readQueueNums: 3, writeQueueNums: 3 });
    const route = await admin.topicRoute('OursAdmin');
    expect(route?.queueDatas).toEqual([
      expect.objectContaining({ brokerName: 'broker-a', readQueueNums: 3, writeQueueNums: 3 }),
    ]);
    expect(await admin.topicList()).toContain('OursAdmin');
    await admin.deleteTopic('OursAdmin');
    expect(await admin.topicRoute('OursAdmin')).toBeUndefined();
  });

  it('reads offsets, finds them by time, and views a message by its id', async () => {
    const topic = 'OursOffsets';
    await cluster.createTopic(topic, 1);
    await using admin = new Admin({ namesrvAddr: cluster.namesrvAddr });
    await admin.start();
    await using producer = new Producer({
      namesrvAddr: cluster.namesrvAddr,
      producerGroup: 'ours',
    });
    await producer.start();
    const sent = await producer.send({ topic, body: 'look at me', keys: 'v1' });
    const [queue] = await admin.queues(topic);
    await until(async () => (await admin.maxOffset(queue!)) === 1, { what: 'the dispatch' });
    expect(await admin.minOffset(queue!)).toBe(0);
    expect(await admin.searchOffset(queue!, 0)).toBe(0);
    const viewed = await admin.viewMessage(sent.offsetMsgId);
    expect(viewed).toMatchObject({ topic, msgId: sent.msgId, keys: ['v1'] });
    expect(viewed!.text()).toBe('look at me');
  });
});
