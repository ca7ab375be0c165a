import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeFrame, type RemotingCommand } from '../../../../mq/protocol/frame.ts';
import { RequestCode } from '../../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../../mq/protocol/response-code.ts';
import {
  decodeSubscriptionGroup,
  decodeSubscriptionGroupTable,
  defaultGroupSettings,
  encodeSubscriptionGroup,
  type SubscriptionGroupConfig,
} from '../../../../mq/protocol/subscription-group.ts';
import { capturedFrames } from '../../../support/captured-frames.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { BrokerUnderTest } from '../broker-under-test.ts';
import { ConsumerUnderTest } from '../consumer-under-test.ts';

const UPDATE = RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP;
const DELETE = RequestCode.DELETE_SUBSCRIPTIONGROUP;
const VERSION_5 = 413;

let broker: BrokerUnderTest;

beforeEach(async () => {
  broker = await BrokerUnderTest.start({ clock: new FakeClock() });
});

afterEach(() => broker[Symbol.asyncDispose]());

/** A frame that mqadmin of 4.9.8 sent, sent again. */
function replay(code: number): Promise<RemotingCommand> {
  const frame = capturedFrames().find(
    ({ kind, requestCode }) => kind === 'request' && requestCode === code,
  );
  const { extFields, body, version } = decodeFrame(frame!.bytes);
  return broker.request(code, extFields, { version, ...(body && { body }) });
}

function update(config: Partial<SubscriptionGroupConfig>, version = VERSION_5) {
  const body = encodeSubscriptionGroup({ groupName: 'cg', ...defaultGroupSettings, ...config });
  return broker.request(UPDATE, undefined, { body, version });
}

async function table(): Promise<Map<string, SubscriptionGroupConfig>> {
  const reply = await broker.request(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG);
  const { subscriptionGroupTable } = decodeSubscriptionGroupTable(reply.body);
  expect(reply.extFields).toEqual({ totalGroupNum: String(subscriptionGroupTable.size) });
  return subscriptionGroupTable;
}

describe('what mqadmin of 4.9.8 sends', () => {
  it('creates a group with the settings named, shows it, and deletes it', async () => {
    expect((await replay(UPDATE)).code).toBe(ResponseCode.SUCCESS);
    const subx = {
      groupName: 'subx',
      ...defaultGroupSettings,
      consumeBroadcastEnable: false,
      consumeFromMinEnable: false,
    };
    const reply = await replay(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG);
    const groups = decodeSubscriptionGroupTable(reply.body);
    expect(groups.subscriptionGroupTable.get('subx')).toEqual(subx);
    expect(groups.subscriptionGroupTable.has('TOOLS_CONSUMER')).toBe(true);
    await broker.restart({ autoCreateSubscriptionGroup: false });
    expect((await table()).get('subx')).toEqual(subx);

    expect((await replay(DELETE)).code).toBe(ResponseCode.SUCCESS);
    expect((await table()).has('subx')).toBe(false);
    await broker.restart();
    expect((await table()).has('subx')).toBe(false);
  });
});

describe('the settings of a group', () => {
  it('are those of one request, not mixed with those before', async () => {
    await update({ retryMaxTimes: 3, consumeEnable: false });
    await update({ retryQueueNums: 2 });
    expect((await table()).get('cg')).toEqual({
      groupName: 'cg',
      ...defaultGroupSettings,
      retryQueueNums: 2,
    });
  });

  it('are told one by one, without creating a group that is asked for', async () => {
    await update({ retryMaxTimes: 3 });
    const ask = (group: string): Promise<RemotingCommand> =>
      broker.request(RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, { group });
    expect(decodeSubscriptionGroup((await ask('cg')).body).retryMaxTimes).toBe(3);
    expect((await ask('nobody')).code).toBe(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST);
    expect((await table()).has('nobody')).toBe(false);
  });

  it('take a body of 5.x with what this broker does not know', async () => {
    const body = Buffer.from(
      '{"attributes":{},"groupName":"cg","groupRetryPolicy":{"type":"CUSTOMIZED"},"retryMaxTimes":5}',
    );
    expect((await broker.request(UPDATE, undefined, { body })).code).toBe(ResponseCode.SUCCESS);
    expect((await table()).get('cg')?.retryMaxTimes).toBe(5);
  });

  it('stop the group’s pulls when it may not consume', async () => {
    await broker.createTopic('TopicA');
    await using consumer = new ConsumerUnderTest(broker.broker.address, 'c1');
    await consumer.heartbeat();
    await update({ consumeEnable: false });
    const reply = await consumer.pull();
    expect(reply.code).toBe(ResponseCode.NO_PERMISSION);
    expect(reply.remark).toContain('consumeEnable is false');
  });

  it('give a retry topic that is there more queues, and never fewer', async () => {
    const queues = () => broker.broker.context.topics.get('%RETRY%cg');
    await broker.broker.context.topics.ensureRetryTopic('cg');
    await update({ retryQueueNums: 3 });
    expect(queues()).toMatchObject({ readQueueNums: 3, writeQueueNums: 3, perm: 6 });
    await update({ retryQueueNums: 1 });
    expect(queues()).toMatchObject({ readQueueNums: 3, writeQueueNums: 3 });
  });

  it.each<[Partial<SubscriptionGroupConfig>, string]>([
    [{ retryMaxTimes: -1 }, 'retryMaxTimes -1 of group cg is outside 0..2147483647'],
    [{ retryQueueNums: -1 }, 'retryQueueNums -1 of group cg is outside 0..4096'],
    [{ retryQueueNums: 100_000 }, 'retryQueueNums 100000 of group cg is outside 0..4096'],
    [{ groupName: '' }, 'group name is empty'],
    [{ groupName: '../etc' }, 'group name "../etc"'],
  ])('are refused with both values: %j', async (config, remark) => {
    const reply = await update(config);
    expect(reply.code).toBe(ResponseCode.INVALID_PARAMETER);
    expect(reply.remark).toContain(remark);
    expect((await table()).has('cg')).toBe(false);
  });

  it.each([['no JSON'], ['{}'], ['{"groupName":"cg","retryMaxTimes":"many"}']])(
    'are refused when the body is %s',
    async (text) => {
      const reply = await broker.request(UPDATE, undefined, { body: Buffer.from(text) });
      expect(reply.code).toBe(ResponseCode.INVALID_PARAMETER);
      expect((await table()).has('cg')).toBe(false);
    },
  );
});

describe('deleting a group', () => {
  it.each(['cleanOffset', 'removeOffset'])(
    'forgets its progress only when %s says so',
    async (flag) => {
      const { offsets } = broker.broker.context;
      await broker.createTopic('TopicA');
      const commit = { topic: 'TopicA', queueId: 0, queueOffset: 7, client: 'test' };
      for (const group of ['cg', 'other-cg']) offsets.commit({ group, ...commit });
      await update({});
      await broker.request(DELETE, { groupName: 'cg', [flag]: 'false' });
      expect((await table()).has('cg')).toBe(false);
      expect(offsets.query('cg', 'TopicA', 0)).toBe(7);
      await broker.request(DELETE, { groupName: 'cg', [flag]: 'true' });
      expect(offsets.query('cg', 'TopicA', 0)).toBeUndefined();
      expect(offsets.query('other-cg', 'TopicA', 0)).toBe(7);
      await broker.restart();
      expect(broker.broker.context.offsets.query('cg', 'TopicA', 0)).toBeUndefined();
    },
  );

  it('that is not there succeeds, as tools delete on every broker', async () => {
    const reply = await broker.request(DELETE, { groupName: 'nobody' });
    expect(reply.code).toBe(ResponseCode.SUCCESS);
  });

  it('of the broker’s own is refused', async () => {
    const reply = await broker.request(DELETE, { groupName: 'CID_RMQ_SYS_TRANS' });
    expect(reply.code).not.toBe(ResponseCode.SUCCESS);
    expect(reply.remark).toContain('CID_RMQ_SYS_TRANS');
    expect((await table()).has('CID_RMQ_SYS_TRANS')).toBe(true);
  });
});

describe('the settings of one topic', () => {
  it('are told, and TOPIC_NOT_EXIST when there is none', async () => {
    await broker.createTopic('TopicA', 3);
    const reply = await broker.request(RequestCode.GET_TOPIC_CONFIG, {
      topic: 'TopicA',
      lo: 'true',
    });
    expect(JSON.parse(reply.body!.toString())).toMatchObject({ topicName: 'TopicA', perm: 6 });
    const missing = await broker.request(RequestCode.GET_TOPIC_CONFIG, { topic: 'none' });
    expect(missing.code).toBe(ResponseCode.TOPIC_NOT_EXIST);
  });
});
