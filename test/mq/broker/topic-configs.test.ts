import { describe, expect, it } from '@jest/globals';
import { brokerConfig, type BrokerConfig } from '../../../mq/broker/config.ts';
import { topicConfig, TopicConfigs } from '../../../mq/broker/topic-configs.ts';
import { silentLogger } from '../../../mq/logger.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeConfigFile } from '../../support/fake-config-file.ts';

function open(file: FakeConfigFile, config: Partial<BrokerConfig> = {}): Promise<TopicConfigs> {
  const clock = new FakeClock();
  return TopicConfigs.open({ config: brokerConfig(config), file, clock, logger: silentLogger });
}

function onSend(topic: string): { topic: string; defaultTopic: string; queueNums: number } {
  return { topic, defaultTopic: 'TBW102', queueNums: 4 };
}

describe('the topics of a broker', () => {
  it('start with those RocketMQ starts with', async () => {
    const topics = await open(new FakeConfigFile(), { autoCreateTopicEnable: true });
    const table = Object.fromEntries(
      [...topics.all()].map((topic) => [topic.topicName, [topic.writeQueueNums, topic.perm]]),
    );
    expect(table).toEqual({
      SELF_TEST_TOPIC: [1, 6],
      rmq_sys_REVIVE_LOG_DefaultCluster: [8, 6],
      TBW102: [8, 7],
      BenchmarkTest: [1024, 6],
      DefaultCluster: [16, 7],
      'broker-a': [1, 7],
      OFFSET_MOVED_EVENT: [1, 6],
      SCHEDULE_TOPIC_XXXX: [18, 6],
      DefaultCluster_REPLY_TOPIC: [1, 6],
      RMQ_SYS_TRANS_HALF_TOPIC: [1, 6],
      // The original has one queue here; see transaction-records.ts for the other.
      RMQ_SYS_TRANS_OP_HALF_TOPIC: [2, 6],
    });
  });

  it('read what RocketMQ wrote, and keep what they do not know', async () => {
    const file = new FakeConfigFile({
      dataVersion: { counter: 7, stateVersion: 2, timestamp: 1_700_000_000_000 },
      topicConfigTable: {
        Old: {
          topicName: 'Old',
          readQueueNums: 2,
          writeQueueNums: 3,
          perm: 4,
          topicFilterType: 'SINGLE_TAG',
          topicSysFlag: 1,
          order: true,
        },
      },
      mappingDataVersion: { counter: 1 },
    });
    const topics = await open(file);
    expect(topics.get('Old')).toEqual({
      topicName: 'Old',
      readQueueNums: 2,
      writeQueueNums: 3,
      perm: 4,
      topicFilterType: 'SINGLE_TAG',
      topicSysFlag: 1,
      order: true,
      attributes: {},
    });
    expect(topics.dataVersion).toMatchObject({ counter: 8, stateVersion: 2 });
    expect(file.content).toMatchObject({ mappingDataVersion: { counter: 1 } });
  });

  it('keep their version when a restart changes nothing', async () => {
    const file = new FakeConfigFile();
    const { dataVersion } = await open(file);
    expect((await open(file)).dataVersion).toEqual(dataVersion);
    expect(file.writeCount).toBe(1);
  });

  it('follow the configuration where it says how many queues there are', async () => {
    const file = new FakeConfigFile();
    await open(file, { autoCreateTopicEnable: true });
    const topics = await open(file, {
      autoCreateTopicEnable: true,
      defaultTopicQueueNums: 16,
      messageDelayLevel: '1s 2s',
    });
    expect(topics.get('TBW102')?.writeQueueNums).toBe(16);
    expect(topics.get('SCHEDULE_TOPIC_XXXX')?.writeQueueNums).toBe(2);
  });

  it('lose TBW102 when topics are no longer created on send', async () => {
    const file = new FakeConfigFile();
    await open(file, { autoCreateTopicEnable: true });
    const topics = await open(file);
    expect(topics.get('TBW102')).toBeUndefined();
    expect(topics.createOnSend(onSend('New'))).toBeUndefined();
    expect(
      topics.createOnSend({ ...onSend('New'), defaultTopic: 'DefaultCluster' }),
    ).toBeUndefined();
  });

  it('are told of after they are on disk', async () => {
    const file = new FakeConfigFile();
    const topics = await open(file);
    const seen: unknown[] = [];
    topics.onChange(async () => {
      seen.push(
        (file.content as { topicConfigTable: Record<string, unknown> }).topicConfigTable['A'],
      );
    });
    const wanted = topicConfig('A', 2, 6);
    await topics.update(wanted);
    expect(seen).toEqual([wanted]);
  });

  it('are as before when the disk does not take a change', async () => {
    const file = new FakeConfigFile();
    const topics = await open(file, { autoCreateTopicEnable: true });
    const kept = topicConfig('Kept', 1, 6);
    await topics.update(kept);
    file.failure = new Error('ENOSPC: no space left on device');
    const refusal = { code: 'SERVICE_NOT_AVAILABLE', retriable: true };
    expect(topics.createOnSend(onSend('New'))).toBeDefined();
    await expect(topics.saving).rejects.toMatchObject(refusal);
    await expect(topics.update(topicConfig('Kept', 9, 6))).rejects.toMatchObject(refusal);
    await expect(topics.delete('Kept')).rejects.toMatchObject(refusal);
    await expect(topics.ensureRetryTopic('cg')).rejects.toThrow('ENOSPC');
    expect(topics.get('New')).toBeUndefined();
    expect(topics.get('%RETRY%cg')).toBeUndefined();
    expect(topics.get('Kept')).toEqual(kept);
    file.failure = undefined;
    expect(topics.createOnSend(onSend('New'))).toBeDefined();
    await topics.saving;
    expect(Object.keys((file.content as { topicConfigTable: object }).topicConfigTable)).toContain(
      'New',
    );
  });

  it('refuse a file that is not what it should be, naming the place', async () => {
    const file = new FakeConfigFile({ topicConfigTable: { A: { readQueueNums: 'many' } } });
    await expect(open(file)).rejects.toThrow('topicConfigTable.A.readQueueNums');
  });
});
