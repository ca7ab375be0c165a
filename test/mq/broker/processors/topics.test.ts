import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RequestOf } from '../../../../mq/protocol/define-request.ts';
import type { RemotingCommand } from '../../../../mq/protocol/frame.ts';
import { decodeGroupList } from '../../../../mq/protocol/group-list.ts';
import { decodeKvTable } from '../../../../mq/protocol/kv-table.ts';
import { deleteTopicInBroker } from '../../../../mq/protocol/requests/delete-topic-in-broker.ts';
import { getAllTopicConfig } from '../../../../mq/protocol/requests/get-all-topic-config.ts';
import { getBrokerRuntimeInfo } from '../../../../mq/protocol/requests/get-broker-runtime-info.ts';
import { queryTopicConsumeByWho } from '../../../../mq/protocol/requests/query-topic-consume-by-who.ts';
import { updateAndCreateTopic } from '../../../../mq/protocol/requests/update-and-create-topic.ts';
import { viewMessageById } from '../../../../mq/protocol/requests/view-message-by-id.ts';
import { decodeRecord } from '../../../../mq/protocol/message.ts';
import { parseOffsetMsgId } from '../../../../mq/protocol/message-id.ts';
import { ResponseCode } from '../../../../mq/protocol/response-code.ts';
import { decodeTopicConfigTable } from '../../../../mq/protocol/topic-config.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';
import { BrokerUnderTest, sendReply } from '../broker-under-test.ts';
import { ConsumerUnderTest } from '../consumer-under-test.ts';

let broker: BrokerUnderTest;

beforeEach(async () => {
  broker = await BrokerUnderTest.start();
});

afterEach(async () => {
  await broker[Symbol.asyncDispose]();
});

function updateTopic(
  topic: string,
  fields: Partial<RequestOf<typeof updateAndCreateTopic>> = {},
): Promise<RemotingCommand> {
  return broker.request(
    updateAndCreateTopic.code,
    updateAndCreateTopic.encodeRequest({
      topic,
      readQueueNums: 4,
      writeQueueNums: 4,
      perm: 6,
      ...fields,
    }),
  );
}

function deleteTopic(topic: string): Promise<RemotingCommand> {
  return broker.request(deleteTopicInBroker.code, deleteTopicInBroker.encodeRequest({ topic }));
}

describe('administering topics', () => {
  it('creates a topic that can be sent to at once and is there after a restart', async () => {
    expect((await updateTopic('Made')).code).toBe(ResponseCode.SUCCESS);
    expect((await broker.send({ topic: 'Made', queueId: 3 })).code).toBe(ResponseCode.SUCCESS);
    await broker.restart();
    expect((await broker.send({ topic: 'Made', queueId: 3 })).code).toBe(ResponseCode.SUCCESS);
    expect(await broker.messages('Made', 3)).toHaveLength(2);
  });

  it('gives a topic new settings and keeps its messages', async () => {
    await updateTopic('Made');
    await broker.send({ topic: 'Made' });
    await updateTopic('Made', { readQueueNums: 8, writeQueueNums: 8, perm: 4, order: true });
    expect(broker.broker.context.topics.get('Made')).toMatchObject({
      writeQueueNums: 8,
      perm: 4,
      order: true,
    });
    expect(await broker.messages('Made')).toHaveLength(1);
  });

  it('keeps attributes it can honour and refuses the others', async () => {
    await updateTopic('Made', { attributes: '+message.type=FIFO' });
    expect(broker.broker.context.topics.get('Made')?.attributes).toEqual({
      'message.type': 'FIFO',
    });
    const refused = await updateTopic('Made', { attributes: '+queue.type=BatchCQ' });
    expect(refused.code).toBe(ResponseCode.INVALID_PARAMETER);
    expect(refused.remark).toContain('+queue.type=BatchCQ');
    await updateTopic('Made', { attributes: '-message.type' });
    expect(broker.broker.context.topics.get('Made')?.attributes).toEqual({});
  });

  it.each(['TBW102', 'SCHEDULE_TOPIC_XXXX', 'DefaultCluster', 'broker-a', '../x', 'x'.repeat(128)])(
    'refuses to redefine %s',
    async (topic) => {
      const reply = await updateTopic(topic);
      expect(reply.code).toBe(ResponseCode.SYSTEM_ERROR);
      expect(reply.remark).toContain(topic.slice(0, 40));
    },
  );

  it.each([
    [{ readQueueNums: -1 }, 'readQueueNums -1'],
    [{ writeQueueNums: 100_000 }, 'writeQueueNums 100000'],
    [{ perm: 8 }, 'perm 8 is outside 0..7'],
  ])('refuses %j, naming the number', async (fields, remark) => {
    const reply = await updateTopic('Made', fields);
    expect(reply.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(reply.remark).toContain(remark);
    expect(broker.broker.context.topics.get('Made')).toBeUndefined();
  });

  it('takes queues away from consumers only where they end as drainedTo says, if it is said', async () => {
    await updateTopic('Made');
    await broker.send({ topic: 'Made', queueId: 2 });
    await broker.send({ topic: 'Made', queueId: 2 });
    const fewer = (drainedTo: string) => updateTopic('Made', { readQueueNums: 2, drainedTo });
    for (const [drainedTo, remark] of [
      ['2:1;3:0', 'queue 2 of topic[Made] ends at 2, and is drained to 1 only'],
      ['3:0', 'queue 2 of topic[Made] ends at 2, and is drained to 0 only'],
      ['2:2;3:1', 'queue 3 of topic[Made] ends at 0, and is drained to 1 only'],
    ]) {
      const refused = await fewer(drainedTo!);
      expect(refused.code).toBe(ResponseCode.ILLEGAL_OPERATION);
      expect(refused.remark).toBe(remark);
    }
    expect((await fewer('2=2')).code).toBe(ResponseCode.INVALID_PARAMETER);
    expect(broker.broker.context.topics.get('Made')?.readQueueNums).toBe(4);
    expect((await fewer('2:2')).code).toBe(ResponseCode.SUCCESS);
    expect(broker.broker.context.topics.get('Made')?.readQueueNums).toBe(2);
  });

  it('says what a group cannot read any more when queues are taken away without more ado', async () => {
    const logger = new RecordingLogger();
    await using noted = await BrokerUnderTest.start({ logger });
    await noted.createTopic('Made', 4);
    for (const queueId of [0, 2, 3, 3]) await noted.send({ topic: 'Made', queueId });
    const { offsets } = noted.broker.context;
    const commit = (group: string, queueId: number, queueOffset: number) =>
      offsets.commit({ group, topic: 'Made', queueId, queueOffset, client: 'c' });
    commit('behind', 3, 1);
    commit('done', 2, 1);
    commit('done', 3, 2);
    await noted.request(
      updateAndCreateTopic.code,
      updateAndCreateTopic.encodeRequest({
        topic: 'Made',
        readQueueNums: 2,
        writeQueueNums: 2,
        perm: 6,
      }),
    );
    const lines = logger.entries.filter(({ message }) => message.includes('has lost queues'));
    expect(lines.map(({ fields }) => fields)).toEqual([
      { topic: 'Made', group: 'behind', messages: 2, readQueueNumsBefore: 4, readQueueNums: 2 },
    ]);
  });

  it('takes what is sent to a topic without write permission, as originals do: producers go by its route', async () => {
    await updateTopic('Made', { perm: 4 });
    expect((await broker.send({ topic: 'Made' })).code).toBe(ResponseCode.SUCCESS);
    expect(await broker.messages('Made')).toHaveLength(1);
  });

  it('names the groups that consume a topic, and those that have', async () => {
    await updateTopic('Made');
    await updateTopic('Other');
    const { offsets } = broker.broker.context;
    offsets.commit({ group: 'gone', topic: 'Made', queueId: 0, queueOffset: 1, client: 'c' });
    offsets.commit({ group: 'stranger', topic: 'Other', queueId: 0, queueOffset: 1, client: 'c' });
    await using consumer = new ConsumerUnderTest(broker.broker.address, 'c1');
    await consumer.heartbeat({ group: 'online', topics: { Made: '*' } });
    const who = async (topic: string): Promise<string[]> => {
      const request = queryTopicConsumeByWho.encodeRequest({ topic });
      return decodeGroupList((await broker.request(queryTopicConsumeByWho.code, request)).body);
    };
    expect(await who('Made')).toEqual(['gone', 'online']);
    expect(await who('Nowhere')).toEqual([]);
  });

  it('deletes a topic with its messages and what groups remember of it', async () => {
    await updateTopic('Made');
    await broker.send({ topic: 'Made' });
    const { offsets } = broker.broker.context;
    offsets.commit({ group: 'cg', topic: 'Made', queueId: 0, queueOffset: 1, client: 'c' });
    expect((await deleteTopic('Made')).code).toBe(ResponseCode.SUCCESS);
    expect((await broker.send({ topic: 'Made' })).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
    expect(offsets.query('cg', 'Made', 0)).toBeUndefined();
    await updateTopic('Made');
    expect(await broker.messages('Made')).toEqual([]);
    expect(sendReply(await broker.send({ topic: 'Made' })).queueOffset).toBe(0);
  });

  it('deletes the queues that a deletion cut short by a crash left behind', async () => {
    await updateTopic('Made');
    await broker.send({ topic: 'Made' });
    // The settings were saved without it, and the crash came before its queues were removed.
    await broker.broker.context.topics.delete('Made');
    await broker.restart();
    expect((await deleteTopic('Made')).code).toBe(ResponseCode.SUCCESS);
    await updateTopic('Made');
    expect(await broker.messages('Made')).toEqual([]);
  });

  it('succeeds in deleting what is not there, and refuses to delete what is its own', async () => {
    expect((await deleteTopic('Nowhere')).code).toBe(ResponseCode.SUCCESS);
    expect((await deleteTopic('BenchmarkTest')).code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(broker.broker.context.topics.get('BenchmarkTest')).toBeDefined();
  });

  it('lists every topic with the version of the table', async () => {
    await updateTopic('Made');
    const reply = await broker.request(getAllTopicConfig.code);
    const table = decodeTopicConfigTable(reply.body);
    expect(table.dataVersion).toEqual(broker.broker.context.topics.dataVersion);
    expect(table.topicConfigTable.get('Made')?.writeQueueNums).toBe(4);
    expect(table.topicConfigTable.get('SCHEDULE_TOPIC_XXXX')?.writeQueueNums).toBe(18);
    expect(table.topicConfigTable.get('BenchmarkTest')?.writeQueueNums).toBe(1024);
    expect(reply.extFields?.['totalTopicNum']).toBe(String(table.topicConfigTable.size));
  });
});

it('finds a message by the id its send was answered with', async () => {
  await broker.createTopic('TopicA');
  const { msgId } = sendReply(await broker.send({ topic: 'TopicA', body: 'found' }));
  const { host, commitLogOffset } = parseOffsetMsgId(msgId);
  expect(`${host.address}:${host.port}`).toBe(broker.broker.address);
  const reply = await broker.request(
    viewMessageById.code,
    viewMessageById.encodeRequest({ offset: commitLogOffset }),
  );
  expect(decodeRecord(reply.body!).body.toString()).toBe('found');
  const missed = await broker.request(
    viewMessageById.code,
    viewMessageById.encodeRequest({ offset: commitLogOffset + 1 }),
  );
  expect(missed.code).not.toBe(ResponseCode.SUCCESS);
  expect(missed.body).toBeUndefined();
});

it('counts messages for operators', async () => {
  await broker.createTopic('TopicA');
  await broker.send({ topic: 'TopicA' });
  await broker.send({ topic: 'TopicA', properties: { DELAY: '18' } });
  const info = decodeKvTable((await broker.request(getBrokerRuntimeInfo.code)).body);
  expect(info.get('msgPutTotalTodayNow')).toBe('2');
  expect(info.get('brokerVersionDesc')).toBe('V4_9_8');
  expect(info.get('putTps')).toMatch(/^\d+\.\d\d \d+\.\d\d \d+\.\d\d$/);
  expect(info.get('scheduleMessageOffset_18')).toBe('0,1');
  expect(Number(info.get('commitLogDiskRatio'))).toBeGreaterThan(0);
  expect(Number(info.get('earliestMessageTimeStamp'))).toBeGreaterThan(1_700_000_000_000);
  expect(info.get('getTransferedTps')).toBe(info.get('getTransferredTps'));
});
