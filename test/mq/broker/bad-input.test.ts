import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Producer } from '../../../mq/index.ts';
import { pullMessage } from '../../../mq/protocol/requests/pull-message.ts';
import type { RequestOf } from '../../../mq/protocol/define-request.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { PullSysFlag } from '../../../mq/protocol/sys-flag.ts';
import { BrokerUnderTest } from './broker-under-test.ts';
import { ConsumerUnderTest, pullReply } from './consumer-under-test.ts';

let broker: BrokerUnderTest;
let consumer: ConsumerUnderTest;

beforeAll(async () => {
  broker = await BrokerUnderTest.start();
  await broker.createTopic('T', 2);
  for (const body of ['one', 'two', 'three']) await broker.send({ topic: 'T', queueId: 0, body });
  consumer = new ConsumerUnderTest(broker.broker.address, 'c1');
  await consumer.heartbeat({ topics: { T: '*', Nowhere: '*' } });
});
afterAll(async () => {
  await consumer.close();
  await broker[Symbol.asyncDispose]();
});

/** Clients before 5.0 are told less: they take some refusals for a broken broker. */
const V5 = { version: 501 };
const SUBSCRIPTION = PullSysFlag.SUBSCRIPTION;

describe('a pull', () => {
  type Fields = Partial<RequestOf<typeof pullMessage>>;
  const refused: [string, Fields, number, RegExp][] = [
    [
      'with SQL92 that does not parse',
      { sysFlag: SUBSCRIPTION, expressionType: 'SQL92', subscription: 'a > 1 AND AND' },
      ResponseCode.SUBSCRIPTION_PARSE_FAILED,
      /at (position )?1[01].*found AND/,
    ],
    [
      'with SQL92 over the cap',
      {
        sysFlag: SUBSCRIPTION,
        expressionType: 'SQL92',
        subscription: `${'('.repeat(200)}a = 1${')'.repeat(200)}`,
      },
      ResponseCode.SUBSCRIPTION_PARSE_FAILED,
      /64/,
    ],
    [
      'with more tags than may be',
      {
        sysFlag: SUBSCRIPTION,
        subscription: Array.from({ length: 5_000 }, (_, tag) => `t${tag}`).join('||'),
      },
      ResponseCode.SUBSCRIPTION_PARSE_FAILED,
      /tag.*\d+.*\d+/,
    ],
    [
      'with an expression type nobody knows',
      { sysFlag: SUBSCRIPTION, expressionType: 'XPATH', subscription: '//a' },
      ResponseCode.SUBSCRIPTION_PARSE_FAILED,
      /XPATH/,
    ],
    ['of a topic nobody has', { topic: 'Nowhere' }, ResponseCode.TOPIC_NOT_EXIST, /Nowhere/],
    [
      'of a queue the topic does not have',
      { queueId: 2 },
      ResponseCode.INVALID_PARAMETER,
      /queueId\[2\].*readQueueNums:\[2\]/,
    ],
    [
      'of a negative queue',
      { queueId: -1 },
      ResponseCode.INVALID_PARAMETER,
      /queueId\[-1\].*readQueueNums:\[2\]/,
    ],
    [
      'of a group that has no member',
      { consumerGroup: 'strangers' },
      ResponseCode.SUBSCRIPTION_NOT_EXIST,
      /strangers/,
    ],
  ];

  it.each(refused)('%s is refused with the reason', async (_what, fields, code, remark) => {
    const reply = await consumer.pull({ topic: 'T', ...fields }, V5);
    expect([reply.code, reply.remark]).toEqual([code, expect.stringMatching(remark)]);
  });

  it.each([
    ['a negative offset', 0, -1, 0],
    ['an offset past the end', 0, 4, 3],
    ['an offset far past the end', 0, Number.MAX_SAFE_INTEGER, 3],
    ['an offset past the end of an empty queue', 1, 7, 0],
  ])('from %s is told where to go on', async (_what, queueId, queueOffset, next) => {
    const reply = await consumer.pull({ topic: 'T', queueId, queueOffset });
    expect(reply.code).toBe(ResponseCode.PULL_OFFSET_MOVED);
    expect(pullReply(reply).nextBeginOffset).toBe(next);
  });

  it('for a negative number of messages gets one', async () => {
    const reply = await consumer.pull({ topic: 'T', queueOffset: 0, maxMsgNums: -5 });
    expect([reply.code, pullReply(reply).nextBeginOffset]).toEqual([ResponseCode.SUCCESS, 1]);
  });
});

describe('a group that nobody has made, where brokers make none', () => {
  it('is refused by name', async () => {
    await using strict = await BrokerUnderTest.start({
      config: { autoCreateSubscriptionGroup: false },
    });
    await strict.createTopic('T', 1);
    const stranger = new ConsumerUnderTest(strict.broker.address, 'c2');
    const pulled = await stranger.pull({ topic: 'T', consumerGroup: 'unknown' });
    expect([pulled.code, pulled.remark]).toEqual([
      ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
      expect.stringContaining('[unknown]'),
    ]);
    const committed = await stranger.request(
      RequestCode.UPDATE_CONSUMER_OFFSET,
      {
        consumerGroup: 'unknown',
        topic: 'T',
        queueId: '0',
        commitOffset: '1',
      },
      V5,
    );
    expect([committed.code, committed.remark]).toEqual([
      ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
      expect.stringContaining('unknown'),
    ]);
    await stranger.close();
  });
});

describe('a commit of progress', () => {
  const commit = (fields: Record<string, string>) =>
    consumer.request(
      RequestCode.UPDATE_CONSUMER_OFFSET,
      {
        consumerGroup: 'cg',
        topic: 'T',
        queueId: '0',
        commitOffset: '1',
        ...fields,
      },
      V5,
    );

  it.each([
    [{ commitOffset: '-7' }, ResponseCode.INVALID_PARAMETER, '-7'],
    [{ commitOffset: '9'.repeat(19) }, ResponseCode.INVALID_PARAMETER, '9007199254740991'],
    [{ topic: 'Nowhere' }, ResponseCode.TOPIC_NOT_EXIST, 'Nowhere'],
    [{ queueId: 'first' }, ResponseCode.INVALID_PARAMETER, '"first" is not an integer'],
  ])('with %j is refused with the value', async (fields, code, value) => {
    const reply = await commit(fields);
    expect([reply.code, reply.remark]).toEqual([code, expect.stringContaining(value)]);
  });
});

describe('a batch', () => {
  it('of two topics is refused before anything is sent, with both', async () => {
    await using producer = new Producer({ namesrvAddr: '127.0.0.1:1', producerGroup: 'p' });
    await expect(
      producer.sendBatch([
        { topic: 'T', body: 'a' },
        { topic: 'U', body: 'b' },
      ]),
    ).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/\bT\b.*\bU\b|\bU\b.*\bT\b/),
    });
  });
});
