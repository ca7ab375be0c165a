import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parseFastJson } from '../../../../mq/protocol/fast-json.ts';
import { encodeConsumerStatus } from '../../../../mq/protocol/consumer-status.ts';
import { requestCommand, type RemotingCommand } from '../../../../mq/protocol/frame.ts';
import { encodeHeartbeat } from '../../../../mq/protocol/heartbeat.ts';
import { RequestCode } from '../../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../../mq/protocol/response-code.ts';
import { tagSubscription } from '../../../../mq/protocol/subscription.ts';
import type { Processor } from '../../../../mq/remoting/processor.ts';
import { RemotingClient } from '../../../../mq/remoting/remoting-client.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { BrokerUnderTest, sendReply } from '../broker-under-test.ts';

const clock = new FakeClock();
let broker: BrokerUnderTest;
let topic: string;
let group: string;
let count = 0;
const members: RemotingClient[] = [];

beforeAll(async () => {
  broker = await BrokerUnderTest.start({ clock });
});
afterAll(() => broker[Symbol.asyncDispose]());
beforeEach(async () => {
  topic = `Topic${++count}`;
  group = `cg${count}`;
  await broker.createTopic(topic, 2);
  for (const member of members.splice(0)) await member.close();
});

/** A member of the group that answers so. */
async function join(
  clientId: string,
  processors: [number, Processor][] = [],
  version?: number,
): Promise<void> {
  const member = new RemotingClient({ processors: new Map(processors) });
  members.push(member);
  const body = encodeHeartbeat({
    clientID: clientId,
    producerDataSet: [{ groupName: `pg-${group}` }],
    consumerDataSet: [
      {
        groupName: group,
        consumeType: 'CONSUME_PASSIVELY',
        messageModel: 'CLUSTERING',
        consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
        subscriptionDataSet: [tagSubscription(topic, 'TagA', 1)],
        unitMode: false,
      },
    ],
  });
  const heartbeat = requestCommand({ code: RequestCode.HEART_BEAT, body });
  if (version !== undefined) heartbeat.version = version;
  const reply = await member.request(broker.broker.address, heartbeat, { timeoutMs: 10_000 });
  expect(reply.code).toBe(ResponseCode.SUCCESS);
}

function report(queueId: number, commitOffset: number, of = group): Promise<RemotingCommand> {
  return broker.request(RequestCode.UPDATE_CONSUMER_OFFSET, {
    consumerGroup: of,
    topic,
    queueId: String(queueId),
    commitOffset: String(commitOffset),
  });
}

/** Maps with queues for keys come as lists, queues as their ids. */
function shown({ body }: RemotingCommand): unknown {
  const plain = (value: unknown): unknown => {
    if (value instanceof Map) {
      return Array.from(value, ([key, item]) => [
        (key as { queueId: number }).queueId,
        plain(item),
      ]);
    }
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  };
  return plain(parseFastJson(body!.toString()));
}

describe('GET_TOPIC_STATS_INFO', () => {
  it('tells what each queue holds and how much comes in', async () => {
    const before = clock.now();
    for (let sent = 0; sent < 6; sent++) await broker.send({ topic, queueId: 1 });
    clock.advance(5_000);
    const reply = await broker.request(RequestCode.GET_TOPIC_STATS_INFO, { topic });
    expect(shown(reply)).toEqual({
      offsetTable: [
        [0, { minOffset: 0, maxOffset: 0, lastUpdateTimestamp: 0 }],
        [1, { minOffset: 0, maxOffset: 6, lastUpdateTimestamp: before }],
      ],
      topicPutTps: 0.1,
    });
  });

  it('refuses a topic that does not exist', async () => {
    const reply = await broker.request(RequestCode.GET_TOPIC_STATS_INFO, { topic: 'Unknown' });
    expect(reply.code).toBe(ResponseCode.TOPIC_NOT_EXIST);
    expect(reply.remark).toContain('topic[Unknown] not exist');
  });
});

describe('GET_CONSUME_STATS', () => {
  const ask = (fields: Record<string, string> = {}): Promise<RemotingCommand> =>
    broker.request(RequestCode.GET_CONSUME_STATS, { consumerGroup: group, ...fields });

  it('tells how far a group is in every topic it has progress in, or in one', async () => {
    const before = clock.now();
    for (let sent = 0; sent < 3; sent++) await broker.send({ topic, queueId: 0 });
    await report(0, 2);
    const stats = {
      consumeTps: 0,
      offsetTable: [
        [0, { brokerOffset: 3, consumerOffset: 2, pullOffset: 2, lastTimestamp: before }],
        [1, { brokerOffset: 0, consumerOffset: 0, pullOffset: 0, lastTimestamp: 0 }],
      ],
    };
    for (const fields of [{}, { topic }, { topicList: topic }, { topic: '', topicList: '' }]) {
      expect(shown(await ask(fields))).toEqual(stats);
    }
    expect(shown(await ask({ topicList: 'Unknown;' }))).toMatchObject({ offsetTable: {} });
  });

  it('leaves out what a group that is online does not subscribe to any more', async () => {
    const left = topic;
    await report(0, 0);
    topic = `${topic}-new`;
    await broker.createTopic(topic, 1);
    await join('c1');
    await report(0, 0);
    const table = (reply: RemotingCommand) =>
      (shown(reply) as { offsetTable: unknown }).offsetTable;
    expect(table(await ask())).toHaveLength(1);
    expect(table(await ask({ topic: left }))).toEqual({});
    expect(table(await ask({ topicList: left }))).toHaveLength(2);
  });

  it('counts what was handed out, and knows what was asked for last', async () => {
    for (let sent = 0; sent < 6; sent++) await broker.send({ topic, queueId: 0 });
    const pull = (queueOffset: number) =>
      broker.request(RequestCode.PULL_MESSAGE, {
        consumerGroup: group,
        topic,
        queueId: '0',
        queueOffset: String(queueOffset),
        maxMsgNums: '32',
        sysFlag: '4',
        commitOffset: '0',
        suspendTimeoutMillis: '0',
        subscription: '*',
        subVersion: '0',
      });
    await pull(0);
    await pull(6);
    expect(shown(await ask({ topic }))).toMatchObject({
      consumeTps: 0.1,
      offsetTable: [
        [0, { consumerOffset: 0, pullOffset: 6 }],
        [1, { pullOffset: 0 }],
      ],
    });
  });
});

describe('the lists of connections', () => {
  it('name every member, and how a group consumes', async () => {
    await join('c1');
    await join('c2');
    const consumers = await broker.request(RequestCode.GET_CONSUMER_CONNECTION_LIST, {
      consumerGroup: group,
    });
    const connections = [
      expect.objectContaining({ clientId: 'c1', language: 'JAVA' }),
      expect.objectContaining({
        clientId: 'c2',
        clientAddr: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      }),
    ];
    expect(shown(consumers)).toMatchObject({
      connectionSet: connections,
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      consumeType: 'CONSUME_PASSIVELY',
      messageModel: 'CLUSTERING',
      subscriptionTable: { [topic]: { subString: 'TagA', tagsSet: ['TagA'] } },
    });
    const producers = await broker.request(RequestCode.GET_PRODUCER_CONNECTION_LIST, {
      producerGroup: `pg-${group}`,
    });
    expect(shown(producers)).toEqual({ connectionSet: connections });
  });

  it('are refused when nobody is there', async () => {
    const consumers = await broker.request(RequestCode.GET_CONSUMER_CONNECTION_LIST, {
      consumerGroup: group,
    });
    expect(consumers).toMatchObject({
      code: ResponseCode.CONSUMER_NOT_ONLINE,
      remark: `the consumer group[${group}] not online`,
    });
    const producers = await broker.request(RequestCode.GET_PRODUCER_CONNECTION_LIST, {
      producerGroup: 'nobody',
    });
    expect(producers).toMatchObject({
      code: ResponseCode.SYSTEM_ERROR,
      remark: 'the producer group[nobody] not exist',
    });
  });
});

describe('INVOKE_BROKER_TO_GET_CONSUMER_STATUS', () => {
  const ask = (clientAddr?: string): Promise<RemotingCommand> =>
    broker.request(RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS, {
      topic,
      group,
      ...(clientAddr !== undefined && { clientAddr }),
    });
  const answering = (queueOffset: number): [number, Processor][] => [
    [
      RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT,
      ({ extFields }) => {
        expect(extFields).toEqual({ topic, group });
        const queue = { topic, brokerName: 'broker-a', queueId: 1 };
        return { code: 0, body: encodeConsumerStatus(new Map([[queue, queueOffset]])) };
      },
    ],
  ];

  it('asks every member, or one, and leaves out who has no answer', async () => {
    await join('c1', answering(7));
    await join('c2', answering(9));
    await join('dumb');
    const all = { c1: [[1, 7]], c2: [[1, 9]] };
    expect(shown(await ask())).toEqual({ consumerTable: all, messageQueueTable: {} });
    expect(shown(await ask('c2'))).toMatchObject({ consumerTable: { c2: [[1, 9]] } });
    expect(shown(await ask('dumb'))).toMatchObject({ consumerTable: {} });
  });

  it('is refused when the group, or the member, is not there', async () => {
    expect(await ask()).toMatchObject({
      code: ResponseCode.SYSTEM_ERROR,
      remark: `No Any Consumer online in the consumer group: [${group}]`,
    });
    await join('c1');
    expect((await ask('c2')).remark).toBe(
      `No consumer c2 online in the consumer group: [${group}]`,
    );
  });
});

describe('a question that is passed on to a consumer', () => {
  const info = (clientId: string): Promise<RemotingCommand> =>
    broker.request(RequestCode.GET_CONSUMER_RUNNING_INFO, {
      consumerGroup: group,
      clientId,
      jstackEnable: 'true',
    });

  it('comes with its fields, and its answer goes back as it is', async () => {
    await join('c1', [
      [
        RequestCode.GET_CONSUMER_RUNNING_INFO,
        ({ extFields }) => {
          expect(extFields).toEqual({ consumerGroup: group, clientId: 'c1', jstackEnable: 'true' });
          return { code: 0, body: Buffer.from('as it is') };
        },
      ],
    ]);
    const reply = await info('c1');
    expect([reply.code, reply.body?.toString()]).toEqual([ResponseCode.SUCCESS, 'as it is']);
  });

  it('is answered with the refusal of the consumer', async () => {
    await join('c1');
    expect((await info('c1')).code).toBe(ResponseCode.REQUEST_CODE_NOT_SUPPORTED);
  });

  it('is refused when the consumer is not there, or too old to know it', async () => {
    expect(await info('c1')).toMatchObject({
      code: ResponseCode.SYSTEM_ERROR,
      remark: `The Consumer <${group}> <c1> not online`,
    });
    await join('old', [], 61);
    expect((await info('old')).remark).toContain('The Consumer <old> Version <61> too low');
  });

  it('times out after ten seconds', async () => {
    let isAsked: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (isAsked = resolve));
    const neverAnswers: Processor = () => {
      isAsked();
      return new Promise(() => undefined);
    };
    await join('c1', [[RequestCode.GET_CONSUMER_RUNNING_INFO, neverAnswers]]);
    const reply = info('c1');
    await asked;
    clock.advance(10_000);
    expect(await reply).toMatchObject({ code: ResponseCode.CONSUME_MSG_TIMEOUT });
  });

  it('brings the stored message along, to be consumed directly', async () => {
    const sent = await broker.send({ topic, queueId: 1, body: 'take me' });
    const { msgId } = sendReply(sent);
    const passed: RemotingCommand[] = [];
    await join('c1', [
      [
        RequestCode.CONSUME_MESSAGE_DIRECTLY,
        (request) => {
          passed.push(request);
          return { code: 0, body: Buffer.from('{}') };
        },
      ],
    ]);
    const ask = (id: string): Promise<RemotingCommand> =>
      broker.request(RequestCode.CONSUME_MESSAGE_DIRECTLY, {
        consumerGroup: group,
        clientId: 'c1',
        msgId: id,
        topic,
      });
    expect((await ask(msgId)).code).toBe(ResponseCode.SUCCESS);
    expect(passed[0]?.body?.toString()).toContain('take me');
    expect(passed[0]?.extFields).toEqual({
      consumerGroup: group,
      clientId: 'c1',
      msgId,
      topic,
      brokerName: 'broker-a',
      topicSysFlag: '0',
      groupSysFlag: '0',
    });
    const beyond = `${msgId.slice(0, 16)}0000000000FFFFFF`;
    expect(await ask(beyond)).toMatchObject({
      code: ResponseCode.SYSTEM_ERROR,
      remark: 'can not find message by the offset, 16777215',
    });
    expect((await ask('nonsense')).code).not.toBe(ResponseCode.SUCCESS);
    expect(passed).toHaveLength(1);
  });
});

describe('QUERY_CONSUME_TIME_SPAN', () => {
  it('tells how old the backlog is', async () => {
    const first = clock.now();
    await broker.send({ topic, queueId: 0 });
    clock.advance(1_000);
    await broker.send({ topic, queueId: 0 });
    clock.advance(500);
    await report(0, 1);
    const reply = await broker.request(RequestCode.QUERY_CONSUME_TIME_SPAN, { topic, group });
    const queue = { topic, brokerName: 'broker-a' };
    expect(shown(reply)).toEqual({
      consumeTimeSpanSet: [
        {
          messageQueue: { ...queue, queueId: 0 },
          minTimeStamp: first,
          maxTimeStamp: first + 1_000,
          consumeTimeStamp: first,
          delayTime: 500,
        },
        {
          messageQueue: { ...queue, queueId: 1 },
          minTimeStamp: -1,
          maxTimeStamp: -1,
          consumeTimeStamp: -1,
          delayTime: 0,
        },
      ],
    });
  });
});

describe('CLONE_GROUP_OFFSET', () => {
  const clone = (fields: Record<string, string> = {}): Promise<RemotingCommand> =>
    broker.request(RequestCode.CLONE_GROUP_OFFSET, {
      srcGroup: group,
      destGroup: `${group}-copy`,
      ...fields,
    });
  const places = (): (number | undefined)[] =>
    [0, 1].map((queueId) => broker.broker.context.offsets.query(`${group}-copy`, topic, queueId));

  it('has a group resume where another has come', async () => {
    for (let sent = 0; sent < 3; sent++) await broker.send({ topic, queueId: 1 });
    await report(1, 2);
    await clone({ topic });
    expect(places()).toEqual([undefined, 2]);
    await report(1, 3);
    await clone();
    expect(places()).toEqual([undefined, 3]);
    // As a reset: what the members of the group report from before does not count.
    await join('c1');
    await report(1, 1);
    await clone({ topic, offline: 'true' });
    expect(places()).toEqual([undefined, 1]);
  });

  it.each(['CID_RMQ_SYS_TRANS', 'CID_RMQ_SYS_REVIVE_GROUP'])(
    'does not touch %s, a group of the broker itself',
    async (destGroup) => {
      const reply = await clone({ destGroup });
      expect(reply.code).toBe(ResponseCode.NO_PERMISSION);
    },
  );
});
