import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeConsumerList } from '../../../../mq/protocol/consumer-list.ts';
import { decodeFrame } from '../../../../mq/protocol/frame.ts';
import { decodeHeartbeat } from '../../../../mq/protocol/heartbeat.ts';
import { RequestCode } from '../../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../../mq/protocol/response-code.ts';
import { capturedFrames } from '../../../support/captured-frames.ts';
import { until } from '../../../support/deadline.ts';
import { BrokerUnderTest } from '../broker-under-test.ts';
import { ConsumerUnderTest } from '../consumer-under-test.ts';

let broker: BrokerUnderTest;
let one: ConsumerUnderTest;
let two: ConsumerUnderTest;

beforeAll(async () => {
  broker = await BrokerUnderTest.start();
});
afterAll(() => broker[Symbol.asyncDispose]());
beforeEach(() => {
  one = new ConsumerUnderTest(broker.broker.address, 'c1');
  two = new ConsumerUnderTest(broker.broker.address, 'c2');
});
afterEach(async () => {
  await one.close();
  await two.close();
  await until(() => broker.broker.context.consumers.clientIds('cg').length === 0);
});

/** The bodies of the first request of this code that a Java 4.9.8 client sent, and of the first answer to one. */
function recorded(code: number, isWanted = (_body: Buffer) => true) {
  const frames = capturedFrames().filter(({ requestCode }) => requestCode === code);
  const bodies = (kind: 'request' | 'response', sender: 'client' | 'server'): Buffer[] =>
    frames
      .filter((frame) => frame.kind === kind && frame.sender === sender)
      .map((frame) => decodeFrame(frame.bytes).body ?? Buffer.alloc(0));
  return {
    body: bodies('request', 'client').find(isWanted)!,
    answer: bodies('response', 'server')[0],
  };
}

const list = (consumer: ConsumerUnderTest, consumerGroup = 'cg') =>
  consumer.request(RequestCode.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup });

describe('a heartbeat', () => {
  it('of a Java client makes it a member, and its retry topic exists when it is answered', async () => {
    const { body } = recorded(RequestCode.HEART_BEAT, (each) => each.includes('"groupName":"cg"'));
    const reply = await one.request(RequestCode.HEART_BEAT, undefined, { body });
    expect([reply.code, reply.extFields]).toEqual([ResponseCode.SUCCESS, undefined]);
    expect(reply.version).toBeGreaterThanOrEqual(273);
    expect(decodeConsumerList((await list(one)).body)).toEqual([decodeHeartbeat(body).clientID]);
    expect(broker.broker.context.topics.get('%RETRY%cg')).toMatchObject({
      readQueueNums: 1,
      writeQueueNums: 1,
      perm: 6,
    });
    expect(broker.broker.context.producers.members('CLIENT_INNER_PRODUCER')).toHaveLength(1);
  });

  it('that cannot be read is refused with the reason', async () => {
    const refused = async (body?: string): Promise<unknown> => {
      const reply = await one.request(
        RequestCode.HEART_BEAT,
        undefined,
        body === undefined ? {} : { body },
      );
      expect(reply.code).not.toBe(ResponseCode.SUCCESS);
      return reply.remark;
    };
    expect(await refused()).toContain('body is missing');
    expect(await refused('{"clientID":')).toContain('JSON');
    expect(await refused('{"producerDataSet":[]}')).toContain('clientID');
    expect(await refused('{"clientID":""}')).toContain('clientID');
    expect(await refused(`{"clientID":"${'c'.repeat(1_025)}"}`)).toBe(
      'HeartbeatData.clientID has 1025 characters, the limit is 1024',
    );
    expect(
      await refused('{"clientID":"c","consumerDataSet":[{"groupName":"../../etc"}]}'),
    ).toContain('../../etc');
  });
});

describe('the members of a group', () => {
  it('are told of one another, and are listed', async () => {
    await one.heartbeat();
    await until(() => one.changedGroups.length === 1);
    await two.heartbeat();
    await until(() => one.changedGroups.length === 2 && two.changedGroups.length === 1);
    expect(one.changedGroups).toEqual(['cg', 'cg']);
    expect(decodeConsumerList((await list(one)).body)).toEqual(['c1', 'c2']);
  });

  it('are told when one unregisters', async () => {
    await one.heartbeat();
    await two.heartbeat();
    await until(() => two.changedGroups.length === 1);
    const fields = { clientID: 'c1', consumerGroup: 'cg' };
    const reply = await one.request(RequestCode.UNREGISTER_CLIENT, fields);
    expect(reply.code).toBe(ResponseCode.SUCCESS);
    await until(() => two.changedGroups.length === 2);
    expect(decodeConsumerList((await list(two)).body)).toEqual(['c2']);
  });

  it('are told when one is gone without a word', async () => {
    await one.heartbeat();
    await two.heartbeat();
    await until(() => two.changedGroups.length === 1);
    await one.close();
    await until(() => two.changedGroups.length === 2);
    expect(decodeConsumerList((await list(two)).body)).toEqual(['c2']);
  });

  it('leave for good although the goodbye comes while their first heartbeat creates a topic', async () => {
    const joined = one.heartbeat({ group: 'brief' });
    const left = one.request(RequestCode.UNREGISTER_CLIENT, {
      clientID: 'c1',
      consumerGroup: 'brief',
    });
    expect([(await joined).code, (await left).code]).toEqual([0, 0]);
    expect(broker.broker.context.consumers.clientIds('brief')).toEqual([]);
  });

  it('cannot be unregistered by somebody else', async () => {
    await one.heartbeat();
    await two.request(RequestCode.UNREGISTER_CLIENT, { clientID: 'c1', consumerGroup: 'cg' });
    expect(decodeConsumerList((await list(two)).body)).toEqual(['c1']);
  });
});

describe('a group without members', () => {
  it('is answered SYSTEM_ERROR, in the words clients expect', async () => {
    const reply = await list(one, 'nobody');
    expect([reply.code, reply.remark]).toEqual([
      ResponseCode.SYSTEM_ERROR,
      'no consumer for this group, nobody',
    ]);
  });
});

describe('the lock of a queue', () => {
  it('is granted to a Java client in the bytes its own broker answered', async () => {
    const { body, answer } = recorded(RequestCode.LOCK_BATCH_MQ);
    const reply = await one.request(RequestCode.LOCK_BATCH_MQ, undefined, { body });
    expect(reply.code).toBe(ResponseCode.SUCCESS);
    expect(reply.body?.toString()).toBe(answer?.toString());
  });

  it('keeps others out until it is given back', async () => {
    const ask = async (consumer: ConsumerUnderTest, code: number): Promise<string | undefined> => {
      const body = JSON.stringify({
        consumerGroup: 'og',
        clientId: consumer.clientId,
        mqSet: [{ topic: 'TopicA', brokerName: 'broker-a', queueId: 9 }],
      });
      const reply = await consumer.request(code, undefined, { body });
      expect(reply.code).toBe(ResponseCode.SUCCESS);
      return reply.body?.toString();
    };
    const granted = '{"lockOKMQSet":[{"brokerName":"broker-a","queueId":9,"topic":"TopicA"}]}';
    expect(await ask(one, RequestCode.LOCK_BATCH_MQ)).toBe(granted);
    expect(await ask(two, RequestCode.LOCK_BATCH_MQ)).toBe('{"lockOKMQSet":[]}');
    await ask(two, RequestCode.UNLOCK_BATCH_MQ);
    expect(await ask(two, RequestCode.LOCK_BATCH_MQ)).toBe('{"lockOKMQSet":[]}');
    await ask(one, RequestCode.UNLOCK_BATCH_MQ);
    expect(await ask(two, RequestCode.LOCK_BATCH_MQ)).toBe(granted);
  });
});

describe('the check of a subscription', () => {
  it('accepts tags', async () => {
    const body = JSON.stringify({
      clientId: 'c1',
      group: 'cg',
      subscriptionData: { topic: 'TopicA', subString: 'TagA', expressionType: 'TAG' },
    });
    const reply = await one.request(RequestCode.CHECK_CLIENT_CONFIG, undefined, { body });
    expect(reply.code).toBe(ResponseCode.SUCCESS);
  });

  it('accepts the SQL92 expression of a Java client', async () => {
    const { body } = recorded(RequestCode.CHECK_CLIENT_CONFIG);
    const reply = await one.request(RequestCode.CHECK_CLIENT_CONFIG, undefined, { body });
    expect([reply.code, reply.remark]).toEqual([ResponseCode.SUCCESS, undefined]);
  });
});
