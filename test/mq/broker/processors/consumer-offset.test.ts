import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RemotingCommand } from '../../../../mq/protocol/frame.ts';
import { RequestCode } from '../../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../../mq/protocol/response-code.ts';
import { BrokerUnderTest } from '../broker-under-test.ts';

const V5_3 = 479;

let broker: BrokerUnderTest;
let topic: string;
let topicCount = 0;

beforeAll(async () => {
  broker = await BrokerUnderTest.start();
});
afterAll(() => broker[Symbol.asyncDispose]());
beforeEach(async () => {
  topic = `Topic${++topicCount}`;
  await broker.createTopic(topic);
});

function query(fields: Record<string, string> = {}): Promise<RemotingCommand> {
  return broker.request(RequestCode.QUERY_CONSUMER_OFFSET, {
    consumerGroup: 'cg',
    topic,
    queueId: '0',
    ...fields,
  });
}

function update(fields: Record<string, string>, version?: number): Promise<RemotingCommand> {
  return broker.request(
    RequestCode.UPDATE_CONSUMER_OFFSET,
    { consumerGroup: 'cg', topic, queueId: '0', commitOffset: '1', ...fields },
    version === undefined ? {} : { version },
  );
}

describe('the offset of a group', () => {
  it('is what it committed last', async () => {
    expect((await update({ commitOffset: '7' })).code).toBe(ResponseCode.SUCCESS);
    expect((await query()).extFields).toEqual({ offset: '7' });
    await update({ commitOffset: '3' });
    expect((await query()).extFields).toEqual({ offset: '3' });
    expect((await query({ consumerGroup: 'other' })).extFields).toEqual({ offset: '0' });
  });

  it('is 0 for a new group on a queue that is empty or young', async () => {
    expect((await query()).extFields).toEqual({ offset: '0' });
    await broker.send({ topic });
    expect((await query()).extFields).toEqual({ offset: '0' });
  });

  it('is not found for a new group that does not want to start at 0', async () => {
    await broker.send({ topic });
    const reply = await query({ setZeroIfNotFound: 'false' });
    expect(reply.code).toBe(ResponseCode.QUERY_NOT_FOUND);
    expect(reply.remark).toContain(`group cg has no offset for ${topic} queue 0`);
    await update({ commitOffset: '1' });
    expect((await query({ setZeroIfNotFound: 'false' })).extFields).toEqual({ offset: '1' });
  });

  it('survives a restart', async () => {
    await using other = await BrokerUnderTest.start();
    await other.createTopic('TopicA');
    const fields = { consumerGroup: 'cg', topic: 'TopicA', queueId: '0' };
    for (let count = 0; count < 12; count++) await other.send({ topic: 'TopicA' });
    await other.request(RequestCode.UPDATE_CONSUMER_OFFSET, { ...fields, commitOffset: '12' });
    await other.restart();
    const reply = await other.request(RequestCode.QUERY_CONSUMER_OFFSET, fields);
    expect(reply.extFields).toEqual({ offset: '12' });
  });
});

describe('a commit', () => {
  it('is refused below 0 and beyond what a number holds, and the stored offset stays', async () => {
    await update({ commitOffset: '7' });
    for (const commitOffset of ['-1', '9007199254740992', 'seven']) {
      const reply = await update({ commitOffset });
      expect([ResponseCode.SYSTEM_ERROR, ResponseCode.INVALID_PARAMETER]).toContain(reply.code);
      expect(reply.remark).toContain('commitOffset');
    }
    expect((await update({ queueId: '-1' })).remark).toContain('queueId -1');
    expect((await query()).extFields).toEqual({ offset: '7' });
  });

  it('for an unknown topic is accepted quietly from old clients, refused to new ones, and not kept', async () => {
    expect((await update({ topic: 'Nowhere' })).code).toBe(ResponseCode.SUCCESS);
    expect((await update({ topic: 'Nowhere' }, V5_3)).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
    expect(broker.broker.context.offsets.query('cg', 'Nowhere', 0)).toBeUndefined();
  });

  it('for a queue the topic never had is accepted, and not kept', async () => {
    const reply = await update({ queueId: '2147483647', commitOffset: '7' });
    expect(reply.code).toBe(ResponseCode.SUCCESS);
    expect(broker.broker.context.offsets.query('cg', topic, 2_147_483_647)).toBeUndefined();
  });

  it('of an unknown group is accepted from old clients and refused to new ones', async () => {
    const consumerGroup = 'neverSeen';
    expect((await update({ consumerGroup }, V5_3)).code).toBe(
      ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
    );
    expect((await update({ consumerGroup })).code).toBe(ResponseCode.SUCCESS);
  });

  it('is refused for names that could not be a group', async () => {
    expect((await update({ consumerGroup: 'a@b' })).code).toBe(ResponseCode.INVALID_PARAMETER);
  });
});

describe('the offsets of a queue', () => {
  const ask = (code: number, fields: Record<string, string> = {}): Promise<RemotingCommand> =>
    broker.request(code, { topic, queueId: '0', ...fields });

  it('are 0 and 0 when it is empty or does not exist', async () => {
    expect((await ask(RequestCode.GET_MAX_OFFSET)).extFields).toEqual({ offset: '0' });
    expect((await ask(RequestCode.GET_MIN_OFFSET)).extFields).toEqual({ offset: '0' });
    const elsewhere = await ask(RequestCode.GET_MAX_OFFSET, { topic: 'Nowhere' });
    expect([elsewhere.code, elsewhere.extFields]).toEqual([0, { offset: '0' }]);
    const earliest = await ask(RequestCode.GET_EARLIEST_MSG_STORETIME);
    expect(earliest.extFields).toEqual({ timestamp: '-1' });
  });

  it('follow what is sent', async () => {
    await broker.send({ topic });
    await broker.send({ topic });
    expect((await ask(RequestCode.GET_MAX_OFFSET)).extFields).toEqual({ offset: '2' });
    expect((await ask(RequestCode.GET_MIN_OFFSET)).extFields).toEqual({ offset: '0' });
  });

  it('can be found by time', async () => {
    await broker.send({ topic });
    await broker.send({ topic });
    const [first] = await broker.messages(topic);
    const earliest = await ask(RequestCode.GET_EARLIEST_MSG_STORETIME);
    expect(earliest.extFields).toEqual({ timestamp: String(first!.storeTimestamp) });
    const before = await ask(RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, {
      timestamp: String(first!.storeTimestamp - 1_000),
    });
    expect(before.extFields).toEqual({ offset: '0' });
  });
});
