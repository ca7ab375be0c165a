import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin, Producer } from '../../mq/index.ts';
import { until } from '../support/deadline.ts';
import { startOfficialCluster, type OfficialCluster } from './support/official-cluster.ts';

describe('our admin on the official broker', () => {
  let cluster: OfficialCluster;

  beforeAll(async () => {
    cluster = await startOfficialCluster();
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
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

  it('changes what is given of a topic, and makes it smaller only when it is consumed', async () => {
    const topic = 'OursSmaller';
    await using admin = new Admin({ namesrvAddr: cluster.namesrvAddr });
    await admin.createTopic({ topic, readQueueNums: 4 });
    await admin.updateTopic({ topic, perm: 6, writeQueueNums: 3 });
    const shown = async () =>
      (await admin.topicConfig(topic)).map(
        ({ brokerName, readQueueNums, writeQueueNums, perm }) => [
          brokerName,
          readQueueNums,
          writeQueueNums,
          perm,
        ],
      );
    expect(await shown()).toEqual([['broker-a', 4, 3, 6]]);
    await using producer = new Producer({
      namesrvAddr: cluster.namesrvAddr,
      producerGroup: 'ours',
    });
    await producer.send(
      { topic, body: 'to be consumed' },
      { queue: { topic, brokerName: 'broker-a', queueId: 3 } },
    );
    await admin.updateSubscriptionGroup({ consumerGroup: 'OursSlow' });
    const queue = { topic, brokerName: 'broker-a', queueId: 3 };
    await admin.updateConsumerOffset('OursSlow', queue, 0);
    const early = admin.shrinkTopic(topic, 2, { quietMs: 0, timeoutMs: 3_000 });
    await expect(early).rejects.toMatchObject({ code: 'NOT_DRAINED' });
    await expect(early).rejects.toThrow('OursSlow has come to 0 in queue 3, which ends at 1');
    expect(await shown()).toEqual([['broker-a', 4, 2, 6]]);
    await admin.updateConsumerOffset('OursSlow', queue, 1);
    expect(await admin.shrinkTopic(topic, 2, { quietMs: 1_000, timeoutMs: 30_000 })).toEqual([
      { brokerName: 'broker-a', readQueueNums: 4, writeQueueNums: 2 },
    ]);
    expect(await shown()).toEqual([['broker-a', 2, 2, 6]]);
  });

  it('closes a broker to producers and opens it again, and deletes a topic on one broker', async () => {
    const topic = 'OursClosed';
    await using admin = new Admin({ namesrvAddr: cluster.namesrvAddr });
    await admin.createTopic({ topic, readQueueNums: 1 });
    const perm = async () => (await admin.topicRoute(topic))?.queueDatas[0]?.perm;
    expect(await admin.wipeWritePerm('broker-a')).toBeGreaterThan(0);
    expect(await perm()).toBe(4);
    expect(await admin.addWritePerm('broker-a')).toBeGreaterThan(0);
    expect(await perm()).toBe(6);
    expect(await admin.topicList({ cluster: 'DefaultCluster' })).toContain(topic);
    await admin.deleteTopic(topic, { brokerName: 'broker-a' });
    expect(await admin.topicConfig(topic)).toEqual([]);
    expect(await admin.topicRoute(topic)).toBeUndefined();
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
