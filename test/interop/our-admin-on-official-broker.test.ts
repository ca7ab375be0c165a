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
