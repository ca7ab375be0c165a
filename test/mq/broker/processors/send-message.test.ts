import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { encodeBatchBody } from '../../../../mq/protocol/batch-body.ts';
import { encodeLockBatchBody } from '../../../../mq/protocol/lock-batch.ts';
import { encodeProperties } from '../../../../mq/protocol/properties.ts';
import { RequestCode } from '../../../../mq/protocol/request-code.ts';
import { sendBatchMessage } from '../../../../mq/protocol/requests/send-batch-message.ts';
import { sendMessage } from '../../../../mq/protocol/requests/send-message.ts';
import { sendMessageV2 } from '../../../../mq/protocol/requests/send-message-v2.ts';
import { ResponseCode } from '../../../../mq/protocol/response-code.ts';
import { until } from '../../../support/deadline.ts';
import { BrokerUnderTest, sendHeader, sendReply } from '../broker-under-test.ts';

const V4_9_8 = 409;
const V5_3_3 = 479;

let broker: BrokerUnderTest;

beforeEach(async () => {
  broker = await BrokerUnderTest.start();
  await broker.createTopic('TopicA', 4);
});

afterEach(async () => {
  await broker[Symbol.asyncDispose]();
});

describe('sending a message', () => {
  it('stores it as it came and answers with every field a client may read', async () => {
    const reply = await broker.send({
      topic: 'TopicA',
      queueId: 2,
      flag: 7,
      body: 'hello',
      properties: { TAGS: 'TagA', UNIQ_KEY: 'FD00', KEYS: 'k1' },
    });
    expect(reply.code).toBe(ResponseCode.SUCCESS);
    const port = Number(broker.broker.address.split(':')[1]);
    expect(reply.extFields).toEqual({
      msgId: `7F000001${port.toString(16).padStart(8, '0').toUpperCase()}0000000000000000`,
      queueId: '2',
      queueOffset: '0',
      transactionId: 'FD00',
      MSG_REGION: 'DefaultRegion',
      TRACE_ON: 'true',
    });
    const [message] = await broker.messages('TopicA', 2);
    expect(message).toMatchObject({
      topic: 'TopicA',
      queueId: 2,
      flag: 7,
      bornTimestamp: 1_795_171_183_438,
      reconsumeTimes: 0,
      msgId: 'FD00',
    });
    expect(message?.body.toString()).toBe('hello');
    expect(message?.bornHost.address).toBe('127.0.0.1');
    expect(Object.fromEntries(message!.properties)).toEqual({
      TAGS: 'TagA',
      UNIQ_KEY: 'FD00',
      KEYS: 'k1',
      CLUSTER: 'DefaultCluster',
    });
  });

  it('understands the long names of SEND_MESSAGE too', async () => {
    const reply = await broker.sendV1({ topic: 'TopicA', queueId: 1, body: 'from Go' });
    expect(sendReply(reply)).toMatchObject({ queueId: 1, queueOffset: 0 });
    expect((await broker.messages('TopicA', 1))[0]?.body.toString()).toBe('from Go');
  });

  it('gives messages of one queue consecutive offsets', async () => {
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        broker.send({ topic: 'TopicA', body: String(index) }),
      ),
    );
    expect(replies.map((reply) => sendReply(reply).queueOffset)).toEqual([...replies.keys()]);
    const stored = await broker.messages('TopicA');
    expect(stored.map((message) => Number(message.body.toString()))).toEqual([...replies.keys()]);
  });

  it('picks a queue when the producer does not', async () => {
    const reply = await broker.send({ topic: 'TopicA', queueId: -1 });
    const { queueId } = sendReply(reply);
    expect(queueId).toBeGreaterThanOrEqual(0);
    expect(queueId).toBeLessThan(4);
    expect(await broker.messages('TopicA', queueId)).toHaveLength(1);
  });

  it('makes a UNIQ_KEY for producers that send none, and says which', async () => {
    const { transactionId } = sendReply(await broker.send({ topic: 'TopicA' }));
    expect(transactionId).toMatch(/^[0-9A-F]{32}$/);
    expect((await broker.messages('TopicA'))[0]?.msgId).toBe(transactionId);
  });

  it('stores an empty body', async () => {
    const reply = await broker.send({ topic: 'TopicA', body: '' });
    expect(reply.code).toBe(ResponseCode.SUCCESS);
    expect((await broker.messages('TopicA'))[0]?.body).toHaveLength(0);
  });

  it('does not store what must not be stored', async () => {
    await broker.send({
      topic: 'TopicA',
      properties: { POP_CK: '0 1 2', '__RMQ.TRANSIENT.X': 'y', UNIQ_KEY: 'u', mine: 'kept' },
    });
    const [message] = await broker.messages('TopicA');
    expect([...message!.properties.keys()]).toEqual(['UNIQ_KEY', 'mine', 'CLUSTER']);
  });

  it('stores a oneway message and answers nothing', async () => {
    await broker.sendOneway({ topic: 'TopicA', body: 'and gone' });
    await until(async () => (await broker.messages('TopicA')).length === 1);
    // The next reply on this connection is that of the next request.
    expect(sendReply(await broker.send({ topic: 'TopicA' })).queueOffset).toBe(1);
  });

  it('says nothing to a oneway message it refuses', async () => {
    await broker.sendOneway({ topic: 'NoSuchTopic' });
    expect(sendReply(await broker.send({ topic: 'TopicA' })).queueOffset).toBe(0);
  });
});

describe('refusing a message', () => {
  it('names the topic and how it could come to exist', async () => {
    const reply = await broker.send({ topic: 'NoSuchTopic' });
    expect(reply.code).toBe(ResponseCode.TOPIC_NOT_EXIST);
    expect(reply.remark).toContain('NoSuchTopic');
    expect(reply.remark).toContain('autoCreateTopicEnable');
    expect(reply.remark).toContain('updateTopic');
  });

  it('names both sizes of a body that is too large', async () => {
    await broker.restart({ maxMessageSize: 1000 });
    const reply = await broker.send({ topic: 'TopicA', body: Buffer.alloc(1001) });
    expect(reply.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
    expect(reply.remark).toContain('1001');
    expect(reply.remark).toContain('1000');
    const fits = await broker.send({ topic: 'TopicA', body: Buffer.alloc(1000) });
    expect(fits.code).toBe(ResponseCode.SUCCESS);
  });

  it('names both sizes of properties that are too long', async () => {
    const reply = await broker.send({
      topic: 'TopicA',
      properties: { UNIQ_KEY: 'u', big: 'x'.repeat(32_800) },
    });
    expect(reply.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
    expect(reply.remark).toMatch(/properties of 328\d\d bytes exceed 32255/);
  });

  it.each([
    [V5_3_3, ResponseCode.INVALID_PARAMETER],
    [V4_9_8, ResponseCode.SYSTEM_ERROR],
  ])(
    'tells a version %d client of a queue that is not there with code %d',
    async (version, code) => {
      const reply = await broker.send({ topic: 'TopicA', queueId: 4, version });
      expect(reply.code).toBe(code);
      expect(reply.remark).toContain('queueId 4');
      expect(reply.remark).toContain('4 queues');
    },
  );

  it.each([
    'SCHEDULE_TOPIC_XXXX',
    'RMQ_SYS_TRANS_HALF_TOPIC',
    'RMQ_SYS_TRANS_OP_HALF_TOPIC',
    'SELF_TEST_TOPIC',
    'OFFSET_MOVED_EVENT',
  ])('does not let clients write to %s', async (topic) => {
    const reply = await broker.send({ topic });
    expect(reply.code).toBe(ResponseCode.NO_PERMISSION);
    expect(reply.remark).toContain(topic);
  });

  it.each(['../../etc', 'a b', 'täg', 'x'.repeat(128), ''])(
    'refuses the topic name %j before anything is made of it',
    async (topic) => {
      await broker.restart({ autoCreateTopicEnable: true });
      const reply = await broker.send({ topic });
      expect(reply.code).toBe(ResponseCode.INVALID_PARAMETER);
      expect(broker.broker.context.topics.get(topic)).toBeUndefined();
    },
  );

  it('refuses a message that only its sysFlag calls a half message: nobody would ever see it', async () => {
    const flagged = await broker.send({ topic: 'TopicA', sysFlag: 4 });
    expect(flagged.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
    expect(flagged.remark).toContain('sysFlag 4 says half message');
    expect(await broker.messages('TopicA')).toHaveLength(0);
  });

  it('refuses half messages in a batch, which is visible at once', async () => {
    const body = encodeBatchBody([
      { flag: 0, body: Buffer.from('a'), propertiesString: '' },
      { flag: 0, body: Buffer.from('b'), propertiesString: 'TRAN_MSG\u0001true' },
    ]);
    const reply = await broker.send({ topic: 'TopicA', batch: true, body });
    expect(reply.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
    expect(reply.remark).toContain('batch message 1 is a half message');
    expect(await broker.messages('TopicA')).toHaveLength(0);
  });

  it('takes no messages when the broker may only be read', async () => {
    await broker.restart({ brokerPermission: 4 });
    const reply = await broker.send({ topic: 'TopicA' });
    expect(reply.code).toBe(ResponseCode.NO_PERMISSION);
    expect(reply.remark).toContain('brokerPermission is 4');
  });

  it('names the field that a request lacks', async () => {
    const header = sendMessageV2.encodeRequest(sendHeader({ topic: 'TopicA' }))!;
    delete header['e'];
    const reply = await broker.request(sendMessageV2.code, header);
    expect(reply.code).not.toBe(ResponseCode.SUCCESS);
    expect(reply.remark).toContain('queueId');
  });
});

describe('creating a topic on send', () => {
  beforeEach(async () => {
    await broker.restart({ autoCreateTopicEnable: true });
  });

  it('gives it as many queues as the producer asks for, without the right to be inherited from', async () => {
    expect((await broker.send({ topic: 'New', queueId: 3 })).code).toBe(ResponseCode.SUCCESS);
    expect(broker.broker.context.topics.get('New')).toMatchObject({
      readQueueNums: 4,
      writeQueueNums: 4,
      perm: 6,
    });
  });

  it('gives it no more queues than the default topic has', async () => {
    await broker.send({ topic: 'New', defaultTopicQueueNums: 100 });
    expect(broker.broker.context.topics.get('New')?.writeQueueNums).toBe(8);
  });

  it('does not, when the default topic may not be inherited from', async () => {
    const reply = await broker.send({ topic: 'New', defaultTopic: 'TopicA' });
    expect(reply.code).toBe(ResponseCode.TOPIC_NOT_EXIST);
  });

  it('has the topic on disk before the message is acknowledged', async () => {
    await Promise.all([broker.send({ topic: 'New' }), broker.send({ topic: 'New' })]);
    await broker.restart({ autoCreateTopicEnable: false });
    expect(broker.broker.context.topics.get('New')?.writeQueueNums).toBe(4);
    expect(await broker.messages('New')).toHaveLength(2);
  });
});

describe('sending a batch', () => {
  const batch = encodeBatchBody(
    ['a', 'b', 'c'].map((text, index) => ({
      flag: index,
      body: Buffer.from(text),
      propertiesString: encodeProperties(new Map([['UNIQ_KEY', `u${index}`]])),
    })),
  );

  it.each([
    ['320', sendBatchMessage.code, undefined],
    ['310 with the batch flag, as C++ does', sendMessageV2.code, true],
  ])('under code %s stores its messages one behind the other', async (_name, code, isBatch) => {
    await broker.send({ topic: 'TopicA' });
    const header = {
      ...sendHeader({ topic: 'TopicA' }),
      ...(isBatch === undefined ? {} : { batch: isBatch }),
    };
    const reply = await broker.request(code, sendMessageV2.encodeRequest(header), { body: batch });
    expect(reply.code).toBe(ResponseCode.SUCCESS);
    const { msgId, queueOffset, transactionId } = sendReply(reply);
    expect(queueOffset).toBe(1);
    expect(transactionId).toBe('u0,u1,u2');
    const stored = (await broker.messages('TopicA')).slice(1);
    expect(stored.map((message) => message.body.toString())).toEqual(['a', 'b', 'c']);
    expect(stored.map((message) => message.flag)).toEqual([0, 1, 2]);
    expect(stored.map((message) => message.queueOffset)).toEqual([1, 2, 3]);
    expect(msgId.split(',')).toEqual(stored.map((message) => message.offsetMsgId));
  });

  it.each([
    ['a truncated record', batch.subarray(0, batch.length - 1)],
    ['nothing', Buffer.alloc(0)],
    ['garbage', Buffer.from('not a batch at all, but long enough to be read as one')],
  ])('stores nothing of one that holds %s', async (_name, body) => {
    const header = sendMessageV2.encodeRequest(sendHeader({ topic: 'TopicA' }));
    const reply = await broker.request(sendBatchMessage.code, header, { body });
    expect(reply.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
    expect(await broker.messages('TopicA')).toHaveLength(0);
  });

  it('of 2,000 messages is answered with the id of each, in a header our client takes', async () => {
    const body = encodeBatchBody(
      Array.from({ length: 2_000 }, () => ({
        flag: 0,
        body: Buffer.from('x'),
        propertiesString: '',
      })),
    );
    const header = sendMessageV2.encodeRequest(sendHeader({ topic: 'TopicA' }));
    const reply = await broker.request(sendBatchMessage.code, header, { body });
    expect(reply.code).toBe(ResponseCode.SUCCESS);
    expect(new Set(sendReply(reply).msgId.split(',')).size).toBe(2_000);
  });

  it.each([
    ['DELAY', '3', 'the batch has a delay level, 3'],
    ['TIMER_DELAY_MS', '60000', 'the batch has TIMER_DELAY_MS'],
    ['TRAN_MSG', 'true', 'the batch is a half message'],
  ])('refuses one that is to wait as a whole, by %s in its header', async (name, value, remark) => {
    const properties = encodeProperties(new Map([[name, value]]));
    const header = sendMessageV2.encodeRequest({ ...sendHeader({ topic: 'TopicA' }), properties });
    const reply = await broker.request(sendBatchMessage.code, header, { body: batch });
    expect(reply.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
    expect(reply.remark).toContain(remark);
    expect(await broker.messages('TopicA')).toHaveLength(0);
  });

  it('refuses one with a delay level, and one to a retry topic', async () => {
    const delayed = encodeBatchBody([
      {
        flag: 0,
        body: Buffer.from('x'),
        propertiesString: encodeProperties(new Map([['DELAY', '1']])),
      },
    ]);
    const header = sendMessageV2.encodeRequest(sendHeader({ topic: 'TopicA' }));
    const reply = await broker.request(sendBatchMessage.code, header, { body: delayed });
    expect(reply.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
    expect(reply.remark).toContain('batch message 0');
    const toRetry = sendMessageV2.encodeRequest(sendHeader({ topic: '%RETRY%cg' }));
    const retried = await broker.request(sendBatchMessage.code, toRetry, { body: batch });
    expect(retried.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
    expect(retried.remark).toContain('%RETRY%cg');
  });
});

describe('a consumer that resends to its retry topic itself', () => {
  it('is delayed by the level it asks for', async () => {
    const reply = await broker.send({
      topic: '%RETRY%cg',
      reconsumeTimes: 1,
      maxReconsumeTimes: 16,
      properties: { DELAY: '3', RETRY_TOPIC: 'TopicA' },
    });
    expect(reply.code).toBe(ResponseCode.SUCCESS);
    const [parked] = await broker.messages('SCHEDULE_TOPIC_XXXX', 2);
    expect(parked?.reconsumeTimes).toBe(1);
    expect(parked?.properties.get('REAL_TOPIC')).toBe('%RETRY%cg');
  });

  it('goes to the DLQ, undelayed, when it has been retried too often', async () => {
    const reply = await broker.send({
      topic: '%RETRY%cg',
      reconsumeTimes: 3,
      maxReconsumeTimes: 2,
      properties: { DELAY: '5', RETRY_TOPIC: 'TopicA' },
    });
    expect(reply.code).toBe(ResponseCode.SUCCESS);
    const [dead] = await broker.messages('%DLQ%cg');
    expect(dead?.reconsumeTimes).toBe(3);
    expect(dead?.properties.has('DELAY')).toBe(false);
  });

  it('goes to the DLQ as a plain message, whatever it was before', async () => {
    const properties = { DELAY: '5', TRAN_MSG: 'true', PGROUP: 'p', TIMER_DELAY_MS: '60000' };
    const header = { topic: '%RETRY%cg', reconsumeTimes: 3, maxReconsumeTimes: 2 };
    expect((await broker.send({ ...header, properties })).code).toBe(ResponseCode.SUCCESS);
    expect(await broker.messages('%DLQ%cg')).toHaveLength(1);
  });

  it('uses the limit of the group when the client is too old to name one', async () => {
    const header = { topic: '%RETRY%cg', reconsumeTimes: 3, maxReconsumeTimes: 0, version: 100 };
    expect((await broker.send(header)).code).toBe(ResponseCode.SUCCESS);
    expect(await broker.messages('%RETRY%cg')).toHaveLength(1);
  });

  it('goes to the DLQ at the first time while its group consumes in order', async () => {
    const body = encodeLockBatchBody({
      consumerGroup: 'cg',
      clientId: 'c1',
      mqSet: [{ topic: 'TopicA', brokerName: 'broker-a', queueId: 0 }],
    });
    await broker.request(RequestCode.LOCK_BATCH_MQ, undefined, { body });
    const header = { topic: '%RETRY%cg', reconsumeTimes: 1, maxReconsumeTimes: 16 };
    await broker.send({ ...header, properties: { DELAY: '4' } });
    const [dead] = await broker.messages('%DLQ%cg');
    expect(dead?.reconsumeTimes).toBe(1);
    await broker.request(RequestCode.UNLOCK_BATCH_MQ, undefined, { body });
    await broker.send(header);
    expect(await broker.messages('%RETRY%cg')).toHaveLength(1);
  });

  it('is retried at its first try although its group consumes in order: it is a dead letter redriven', async () => {
    const body = encodeLockBatchBody({
      consumerGroup: 'cg',
      clientId: 'c1',
      mqSet: [{ topic: 'TopicA', brokerName: 'broker-a', queueId: 0 }],
    });
    await broker.request(RequestCode.LOCK_BATCH_MQ, undefined, { body });
    await broker.send({ topic: '%RETRY%cg', reconsumeTimes: 0 });
    expect(await broker.messages('%RETRY%cg')).toHaveLength(1);
    // So gives up a Java consumer in order that may not retry at all.
    await broker.send({ topic: '%RETRY%cg', reconsumeTimes: 0, maxReconsumeTimes: 0 });
    expect(await broker.messages('%RETRY%cg')).toHaveLength(1);
    expect(await broker.messages('%DLQ%cg')).toHaveLength(1);
  });

  it('is refused when the group is unknown and may not be created', async () => {
    await broker.restart({ autoCreateSubscriptionGroup: false });
    const reply = await broker.send({ topic: '%RETRY%nobody' });
    expect(reply.code).toBe(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST);
    expect(reply.remark).toContain('nobody');
  });
});

it('answers V1 and V2 with the same header', () => {
  expect(sendMessage.encodeResponse({ msgId: 'x', queueId: 1, queueOffset: 2 })).toEqual(
    sendMessageV2.encodeResponse({ msgId: 'x', queueId: 1, queueOffset: 2 }),
  );
});
