import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LitePullConsumer, Producer, PushConsumer } from '../../../mq/index.ts';
import { parseFastJson } from '../../../mq/protocol/fast-json.ts';
import { requestCommand, type RemotingCommand } from '../../../mq/protocol/frame.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { RemotingClient } from '../../../mq/remoting/remoting-client.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { until } from '../../support/deadline.ts';
import { closeOpened, open } from '../../support/opened.ts';

let mq: TestBroker;
let tool: RemotingClient;
let producer: Producer;

beforeEach(async () => {
  mq = open(await testBroker());
  tool = new RemotingClient();
  producer = open(new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'p' }));
  await mq.createTopic('T', 1);
});
afterEach(async () => {
  await tool.close();
  await closeOpened();
});

function push(): PushConsumer {
  const consumer = new PushConsumer({ namesrvAddr: mq.namesrvAddr, consumerGroup: 'c' });
  return open(consumer.subscribe('T'));
}

/** By way of the broker, as operators ask. */
function ask(
  code: number,
  clientId: string,
  fields: Record<string, string> = {},
): Promise<RemotingCommand> {
  const extFields = { consumerGroup: 'c', clientId, ...fields };
  return tool.request(mq.brokerAddr, requestCommand({ code, extFields }), { timeoutMs: 20_000 });
}

interface Info {
  properties: Record<string, string>;
  mqTable: Map<{ topic: string; queueId: number }, Record<string, number | boolean>>;
  statusTable: Record<string, Record<string, number>>;
  subscriptionSet: { topic: string }[];
}

async function runningInfo(clientId: string): Promise<Info> {
  const { code, remark, body } = await ask(RequestCode.GET_CONSUMER_RUNNING_INFO, clientId);
  expect({ code, remark }).toEqual({ code: ResponseCode.SUCCESS, remark: undefined });
  return parseFastJson(String(body)) as unknown as Info;
}

async function directly(clientId: string, msgId: string): Promise<Record<string, unknown>> {
  const reply = await ask(RequestCode.CONSUME_MESSAGE_DIRECTLY, clientId, { msgId, topic: 'T' });
  expect(reply).toMatchObject({ code: ResponseCode.SUCCESS });
  const { spentTimeMills, ...result } = JSON.parse(String(reply.body)) as Record<string, unknown>;
  expect(spentTimeMills).toBeGreaterThanOrEqual(0);
  return result;
}

describe('asked what it is doing', () => {
  it('a push consumer tells its queues, its subscriptions and how fast it is', async () => {
    let isOpen: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (isOpen = resolve));
    const got: string[] = [];
    const consumer = push().onMessage(async (message) => {
      got.push(message.text());
      if (message.text() === 'good') return;
      await gate;
      throw new Error('bad');
    });
    await consumer.start();
    for (const body of ['good', 'bad']) await producer.send({ topic: 'T', body });
    await until(() => got.length === 2);
    const busy = await runningInfo(consumer.clientId);
    expect(busy.properties).toMatchObject({
      PROP_CONSUME_TYPE: 'CONSUME_PASSIVELY',
      PROP_CONSUMEORDERLY: 'false',
      PROP_NAMESERVER_ADDR: mq.namesrvAddr,
    });
    expect(Number(busy.properties['PROP_CONSUMER_START_TIMESTAMP'])).toBeGreaterThan(0);
    expect(busy.subscriptionSet.map(({ topic }) => topic).toSorted()).toEqual(['%RETRY%c', 'T']);
    const ofTopic = ({ mqTable }: Info) => [...mqTable].find(([{ topic }]) => topic === 'T')?.[1];
    expect(ofTopic(busy)).toMatchObject({
      commitOffset: 1,
      cachedMsgCount: 1,
      cachedMsgMinOffset: 1,
      cachedMsgMaxOffset: 1,
      droped: false,
      locked: false,
    });
    isOpen();
    await until(async () => {
      const { statusTable } = await runningInfo(consumer.clientId);
      return statusTable['T']?.['consumeFailedMsgs'] === 1;
    });
    const { statusTable } = await runningInfo(consumer.clientId);
    expect(statusTable['T']?.['consumeOKTPS']).toBeCloseTo(1 / 60);
    expect(statusTable['T']?.['consumeFailedTPS']).toBeCloseTo(1 / 60);
    expect(statusTable['T']?.['pullTPS']).toBeCloseTo(2 / 60);
    const idle = ofTopic(await runningInfo(consumer.clientId));
    expect(idle).toMatchObject({ commitOffset: 2, cachedMsgCount: 0 });
    expect(Number(idle?.['lastConsumeTimestamp'])).toBeGreaterThan(0);
    expect(Number(idle?.['lastPullTimestamp'])).toBeGreaterThan(0);
  });

  it('one in order tells its locks', async () => {
    const consumer = push().onMessageOrderly(() => undefined);
    await consumer.start();
    const info = await runningInfo(consumer.clientId);
    expect(info.properties['PROP_CONSUMEORDERLY']).toBe('true');
    const queues = [...info.mqTable].filter(([{ topic }]) => topic === 'T');
    expect(queues.map(([, { locked }]) => locked)).toEqual([true]);
    expect(queues[0]?.[1]['lastLockTimestamp']).toBeGreaterThan(0);
  });

  it('a lite pull consumer tells the same', async () => {
    const consumer = open(
      new LitePullConsumer({ namesrvAddr: mq.namesrvAddr, consumerGroup: 'c' }).subscribe('T'),
    );
    await consumer.start();
    await until(() => consumer.assignedQueues().length === 1);
    const info = await runningInfo(consumer.clientId);
    expect(info.properties['PROP_CONSUME_TYPE']).toBe('CONSUME_ACTIVELY');
    expect(info.mqTable.size).toBe(1);
  });
});

describe('told to consume a message directly', () => {
  it('a push consumer that is shutting down refuses', async () => {
    let end: () => void = () => undefined;
    const got: string[] = [];
    const consumer = push().onMessage(async (message) => {
      got.push(message.text());
      await new Promise<void>((resolve) => (end = resolve));
    });
    await consumer.start();
    const { offsetMsgId } = await producer.send({ topic: 'T', body: 'take me' });
    await until(() => got.length === 1);
    const closed = consumer.shutdown();
    const fields = { msgId: offsetMsgId, topic: 'T' };
    const reply = await ask(RequestCode.CONSUME_MESSAGE_DIRECTLY, consumer.clientId, fields);
    expect(reply.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(reply.remark).toContain('shut down');
    end();
    await closed;
    expect(got).toHaveLength(1);
  });

  it('a push consumer runs its listener, and its progress stays what it is', async () => {
    const got: string[] = [];
    const consumer = push().onMessage((message) => {
      got.push(message.text());
      if (got.length <= 1) return 'CONSUME_SUCCESS';
      if (got.length === 2) return 'RECONSUME_LATER';
      throw new Error('no stock');
    });
    await consumer.start();
    const { offsetMsgId } = await producer.send({ topic: 'T', body: 'take me' });
    await mq.drain('c', 'T');
    const common = { order: false, autoCommit: true };
    expect(await directly(consumer.clientId, offsetMsgId)).toEqual({
      ...common,
      consumeResult: 'CR_LATER',
    });
    expect(await directly(consumer.clientId, offsetMsgId)).toEqual({
      ...common,
      consumeResult: 'CR_THROW_EXCEPTION',
      remark: 'Error: no stock',
    });
    expect(got).toEqual(['take me', 'take me', 'take me']);
    await mq.drain('c', 'T');
    expect(await mq.messages('%RETRY%c')).toEqual([]);
  });

  it('one in order, or of batches, does so, too', async () => {
    const ordered = push().onMessagesOrderly((messages) => {
      expect(messages.map((message) => message.text())).toEqual(['take me']);
    });
    await ordered.start();
    const { offsetMsgId } = await producer.send({ topic: 'T', body: 'take me' });
    await mq.drain('c', 'T');
    expect(await directly(ordered.clientId, offsetMsgId)).toMatchObject({
      order: true,
      consumeResult: 'CR_SUCCESS',
    });
  });
});
