import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Admin,
  Producer,
  PushConsumer,
  type ConsumedMessage,
  type Message,
} from '../../mq/index.ts';
import { requestCommand } from '../../mq/protocol/frame.ts';
import { encodeLockBatchBody } from '../../mq/protocol/lock-batch.ts';
import { RequestCode } from '../../mq/protocol/request-code.ts';
import { RemotingClient } from '../../mq/remoting/remoting-client.ts';
import { until } from '../support/deadline.ts';
import { closeOpened, open } from '../support/opened.ts';
import '../support/long-time-limit.ts';
import { startOfficialCluster, type OfficialCluster } from './support/official-cluster.ts';

/** The official consumers and brokers look for new topics and members every 20 to 30 seconds. */
const slowly = { timeoutMs: 60_000 };
const group = 'dead-letters';
const dlq = `%DLQ%${group}`;

let cluster: OfficialCluster;
let admin: Admin;
let dead: ConsumedMessage[];
const got: ConsumedMessage[] = [];
let isHealed = false;

beforeAll(async () => {
  cluster = open(await startOfficialCluster());
  const { namesrvAddr } = cluster;
  admin = open(new Admin({ namesrvAddr }));
  await cluster.createTopic('DEAD', 1);
  await until(async () => (await admin.topicRoute('DEAD')) !== undefined, slowly);
  const producer = open(new Producer({ namesrvAddr, producerGroup: 'p' }));
  const messages: Message[] = [
    { topic: 'DEAD', body: 'x'.repeat(8000), tags: 'A', keys: 'k', properties: { a: 'b' } },
    { topic: 'DEAD', body: 'retried before' },
  ];
  for (const message of messages) await producer.send(message);
  const consumer = new PushConsumer({
    namesrvAddr,
    consumerGroup: group,
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
  })
    .subscribe('DEAD')
    .onMessage((message) => {
      got.push(message);
      const isRetried = message.text() === 'retried before' && message.reconsumeTimes === 0;
      const delayTimeLevel = isRetried ? 1 : -1;
      return isHealed ? undefined : { status: 'RECONSUME_LATER', delayTimeLevel };
    });
  await open(consumer).start();
  dead = await until(async () => {
    const letters = await admin.dlq(group);
    return letters.length === 2 ? letters : undefined;
  }, slowly);
  isHealed = true;
  got.length = 0;
});

afterAll(closeOpened);

describe('dead letters on the official broker', () => {
  it('come back to their group as they were, their retries counted from 0, each once', async () => {
    expect(dead.map(({ reconsumeTimes }) => reconsumeTimes)).toEqual([1, 2]);
    const results = await admin.redriveDlq(group, 'all');
    expect(results).toMatchObject(
      dead.map(({ offsetMsgId, msgId }) => ({ offsetMsgId, msgId, status: 'REDRIVEN' })),
    );
    expect(await admin.redriveDlq(group, 'all')).toEqual([]);
    expect(await admin.consumerProgress(group, dlq)).toMatchObject([{ lag: 0 }]);
    await until(() => got.length === 2, slowly);
    const first = got.find(({ msgId }) => msgId === dead[0]!.msgId)!;
    expect(first).toMatchObject({ topic: 'DEAD', reconsumeTimes: 0, tags: 'A', keys: ['k'] });
    expect(first.text()).toBe('x'.repeat(8000));
    expect(first.properties.get('a')).toBe('b');
  });

  it('are not found where they are not', async () => {
    const live = got[0]!.offsetMsgId;
    const nowhere = `${live.slice(0, 16)}0000000000ABCDEF`;
    const results = await admin.redriveDlq(group, { offsetMsgIds: [live, nowhere] });
    expect(results.map(({ status }) => status)).toEqual(['NOT_FOUND', 'NOT_FOUND']);
    expect(results[0]!.error!.message).toContain(`in topic %RETRY%${group}, not in ${dlq}`);
    const unknown = { code: 'SUBSCRIPTION_GROUP_NOT_EXIST' };
    await expect(admin.dlq('nobody')).rejects.toMatchObject(unknown);
  });

  it('that the broker puts back, because the group holds queue locks, are told as failed', async () => {
    const client = new RemotingClient();
    open({ [Symbol.asyncDispose]: () => client.close() });
    const mqSet = [{ topic: 'DEAD', brokerName: 'broker-a', queueId: 0 }];
    const body = encodeLockBatchBody({ consumerGroup: group, clientId: 'c', mqSet });
    const lock = requestCommand({ code: RequestCode.LOCK_BATCH_MQ, body });
    await client.request(cluster.brokerAddr, lock, { timeoutMs: 3_000 });
    const [result] = await admin.redriveDlq(group, dead[0]!);
    expect(result).toMatchObject({ status: 'FAILED', error: { code: 'ILLEGAL_OPERATION' } });
    const [copy] = await admin.dlq(group);
    expect(copy!.offsetMsgId).toBe(result!.sent!.offsetMsgId);
  });
});

describe('the settings of a group on the official broker', () => {
  it('are set, shown and deleted', async () => {
    const settings = async () =>
      (await admin.subscriptionGroups()).find(({ groupName }) => groupName === 'set');
    await admin.updateSubscriptionGroup({ consumerGroup: 'set', retryMaxTimes: 3 });
    await admin.updateSubscriptionGroup({ consumerGroup: 'set', consumeEnable: false });
    expect(await settings()).toMatchObject({ retryMaxTimes: 3, consumeEnable: false });
    await admin.deleteSubscriptionGroup('set', { cleanOffset: true });
    expect(await settings()).toBeUndefined();
  });
});
