import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MqError } from '../../../../mq/errors.ts';
import { decodeFrame, SerializeType, type RemotingCommand } from '../../../../mq/protocol/frame.ts';
import { decodeRecords } from '../../../../mq/protocol/message.ts';
import { RequestCode } from '../../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../../mq/protocol/response-code.ts';
import { PullSysFlag } from '../../../../mq/protocol/sys-flag.ts';
import { capturedFrames } from '../../../support/captured-frames.ts';
import { until } from '../../../support/deadline.ts';
import { BrokerUnderTest } from '../broker-under-test.ts';
import { ConsumerUnderTest, pullReply } from '../consumer-under-test.ts';

let broker: BrokerUnderTest;
let consumer: ConsumerUnderTest;
let topicCount = 0;
/** Every test has a topic of its own with one queue, and a consumer that has sent its heartbeat. */
let topic: string;

beforeAll(async () => {
  broker = await BrokerUnderTest.start();
});
afterAll(() => broker[Symbol.asyncDispose]());

beforeEach(async () => {
  topic = `Topic${++topicCount}`;
  await broker.createTopic(topic);
  consumer = new ConsumerUnderTest(broker.broker.address, 'c1');
  await consumer.heartbeat({ topics: { [topic]: '*' } });
});
afterEach(() => consumer.close());

const heldCount = (): number => broker.broker.context.longPolling.heldCount;

async function sendAll(bodies: readonly string[], tag?: string): Promise<void> {
  for (const body of bodies) {
    const properties = tag === undefined ? {} : { TAGS: tag };
    const reply = await broker.send({ topic, body, properties });
    expect(reply.code).toBe(ResponseCode.SUCCESS);
  }
}

function bodiesOf(reply: { body?: Buffer | undefined }): string[] {
  return decodeRecords(reply.body ?? Buffer.alloc(0)).map(({ body }) => body.toString());
}

describe('a pull', () => {
  it('brings the stored messages, and says where to go on', async () => {
    await sendAll(['one', 'two', 'three']);
    const reply = await consumer.pull({ topic, queueOffset: 1 });
    expect([reply.code, reply.remark]).toEqual([ResponseCode.SUCCESS, 'FOUND']);
    expect(bodiesOf(reply)).toEqual(['two', 'three']);
    expect(pullReply(reply)).toEqual({
      suggestWhichBrokerId: 0,
      nextBeginOffset: 3,
      minOffset: 0,
      maxOffset: 3,
    });
  });

  it('brings as many as it asks for, at most 32', async () => {
    await sendAll(Array.from({ length: 40 }, (_item, index) => `m${index}`));
    expect(bodiesOf(await consumer.pull({ topic, maxMsgNums: 2 }))).toEqual(['m0', 'm1']);
    const most = await consumer.pull({ topic, maxMsgNums: 1_000 });
    expect(bodiesOf(most)).toHaveLength(32);
    expect(pullReply(most).nextBeginOffset).toBe(32);
    expect(bodiesOf(await consumer.pull({ topic, maxMsgNums: 0 }))).toEqual(['m0']);
  });

  it('brings a first message that is larger than the bytes it asked for', async () => {
    await sendAll(['x'.repeat(2_000), 'y']);
    expect(bodiesOf(await consumer.pull({ topic, maxMsgBytes: 100 }))).toHaveLength(1);
  });

  it('may come as LITE_PULL_MESSAGE', async () => {
    await sendAll(['one']);
    const reply = await consumer.pull({ topic }, { code: RequestCode.LITE_PULL_MESSAGE });
    expect(bodiesOf(reply)).toEqual(['one']);
  });

  it('may not come as LITE_PULL_MESSAGE where that is switched off', async () => {
    await using other = await BrokerUnderTest.start();
    await other.restart({ litePullMessageEnable: false });
    await other.createTopic(topic);
    const member = new ConsumerUnderTest(other.broker.address, 'c1');
    await member.heartbeat({ topics: { [topic]: '*' } });
    const lite = await member.pull({ topic }, { code: RequestCode.LITE_PULL_MESSAGE });
    expect([lite.code, lite.remark]).toEqual([
      ResponseCode.NO_PERMISSION,
      expect.stringContaining('litePullMessageEnable is false'),
    ]);
    expect((await member.pull({ topic })).code).toBe(ResponseCode.PULL_NOT_FOUND);
    await member.close();
  });

  it('stores the offset it carries when it says so', async () => {
    await sendAll(['one', 'two']);
    const { offsets } = broker.broker.context;
    await consumer.pull({ topic, commitOffset: 1 });
    expect(offsets.query('cg', topic, 0)).toBeUndefined();
    await consumer.pull({ topic, commitOffset: 1, sysFlag: PullSysFlag.COMMIT_OFFSET });
    expect(offsets.query('cg', topic, 0)).toBe(1);
  });
});

describe('a pull of a Java client, as recorded', () => {
  const recordedFrames = (kind: 'request' | 'response', sender: 'client' | 'server') =>
    capturedFrames()
      .filter((frame) => frame.kind === kind && frame.sender === sender)
      .map((frame) => ({ requestCode: frame.requestCode, command: decodeFrame(frame.bytes) }));
  const theirs = (requestCode: number, code: number): RemotingCommand =>
    recordedFrames('response', 'server').find(
      (frame) => frame.requestCode === requestCode && frame.command.code === code,
    )!.command;

  it('is answered with the fields and the remark of its own broker', async () => {
    await broker.createTopic('TopicA', 4);
    const requests = recordedFrames('request', 'client').map(({ command }) => command);
    const heartbeat = requests.find(
      ({ code, body }) =>
        code === RequestCode.HEART_BEAT && body?.includes('"groupName":"cg"') === true,
    )!;
    const pull = requests.find(
      ({ code, extFields }) =>
        code === RequestCode.PULL_MESSAGE &&
        extFields?.['topic'] === 'TopicA' &&
        extFields['consumerGroup'] === 'cg',
    )!;
    const early = await consumer.request(pull.code, { ...pull.extFields, consumerGroup: 'new' });
    expect(early.code).toBe(ResponseCode.SUBSCRIPTION_NOT_EXIST);
    const subscribed = await consumer.request(heartbeat.code, undefined, { body: heartbeat.body! });
    expect(subscribed.code).toBe(ResponseCode.SUCCESS);

    const queueId = Number(pull.extFields!['queueId']);
    await broker.send({ topic: 'TopicA', queueId });
    const found = await consumer.request(pull.code, {
      ...pull.extFields,
      queueOffset: '0',
      subVersion: '0',
    });
    const theirFound = theirs(RequestCode.PULL_MESSAGE, ResponseCode.SUCCESS);
    expect(found.remark).toBe(theirFound.remark);
    expect(Object.keys(found.extFields!).toSorted()).toEqual(
      Object.keys(theirFound.extFields!).toSorted(),
    );
  });

  it('is answered in the binary header when it came in one, also after a long poll', async () => {
    await using binary = new ConsumerUnderTest(broker.broker.address, 'c1', SerializeType.ROCKETMQ);
    const pulled = binary.pull({ topic, suspendTimeoutMillis: 60_000 });
    await until(() => heldCount() === 1);
    await sendAll(['news']);
    const reply = await pulled;
    expect([reply.serializeType, bodiesOf(reply)]).toEqual([SerializeType.ROCKETMQ, ['news']]);
  });
});

describe('a pull that finds nothing', () => {
  it('is told where to go, with all fields, whatever the reason', async () => {
    const answerAt = async (queueOffset: number): Promise<unknown[]> => {
      const reply = await consumer.pull({ topic, queueOffset });
      const { nextBeginOffset, minOffset, maxOffset } = pullReply(reply);
      return [reply.code, reply.remark, nextBeginOffset, minOffset, maxOffset];
    };
    const { PULL_NOT_FOUND, PULL_OFFSET_MOVED } = ResponseCode;
    expect(await answerAt(0)).toEqual([PULL_NOT_FOUND, 'NO_MESSAGE_IN_QUEUE', 0, 0, 0]);
    expect(await answerAt(7)).toEqual([PULL_OFFSET_MOVED, 'NO_MESSAGE_IN_QUEUE', 0, 0, 0]);
    await sendAll(['one', 'two']);
    expect(await answerAt(2)).toEqual([PULL_NOT_FOUND, 'OFFSET_OVERFLOW_ONE', 2, 0, 2]);
    expect(await answerAt(3)).toEqual([PULL_OFFSET_MOVED, 'OFFSET_OVERFLOW_BADLY', 2, 0, 2]);
    expect(await answerAt(-1)).toEqual([PULL_OFFSET_MOVED, 'OFFSET_TOO_SMALL', 0, 0, 2]);
  });

  it('goes on behind messages whose tags do not match', async () => {
    await sendAll(['one', 'two'], 'TagB');
    await consumer.heartbeat({ topics: { [topic]: 'TagA' }, subVersion: 2 });
    const reply = await consumer.pull({ topic, suspendTimeoutMillis: 15_000 });
    expect([reply.code, reply.remark]).toEqual([
      ResponseCode.PULL_RETRY_IMMEDIATELY,
      'NO_MATCHED_MESSAGE',
    ]);
    expect(pullReply(reply).nextBeginOffset).toBe(2);
  });
});

describe('a pull with tags', () => {
  it('brings matching messages only', async () => {
    await sendAll(['a1'], 'TagA');
    await sendAll(['b1'], 'TagB');
    await sendAll(['c1'], 'TagC');
    await sendAll(['none']);
    await consumer.heartbeat({ topics: { [topic]: 'TagA || TagC' }, subVersion: 2 });
    expect(bodiesOf(await consumer.pull({ topic }))).toEqual(['a1', 'c1']);
  });

  it('filters by the subscription it carries, without any heartbeat', async () => {
    await sendAll(['a1'], 'TagA');
    await sendAll(['b1'], 'TagB');
    await using stranger = new ConsumerUnderTest(broker.broker.address, 'stranger');
    const reply = await stranger.pull({
      topic,
      consumerGroup: 'another',
      sysFlag: PullSysFlag.SUBSCRIPTION,
      subscription: 'TagB',
    });
    expect(bodiesOf(reply)).toEqual(['b1']);
  });

  it('filters by subString when the heartbeat has no codeSet, as C++ sends it', async () => {
    await sendAll(['a1'], 'TagA');
    await sendAll(['b1'], 'TagB');
    const body = JSON.stringify({
      clientID: 'cpp',
      consumerDataSet: [
        {
          groupName: 'cppGroup',
          consumeType: 1,
          messageModel: 1,
          consumeFromWhere: 0,
          subscriptionDataSet: [{ topic, subString: 'TagB', subVersion: '1' }],
        },
      ],
    });
    expect((await consumer.request(RequestCode.HEART_BEAT, undefined, { body })).code).toBe(0);
    const reply = await consumer.pull({ topic, consumerGroup: 'cppGroup' });
    expect(bodiesOf(reply)).toEqual(['b1']);
  });
});

describe('a pull that is not allowed', () => {
  it('is told what is not known yet: group, topic of the group, newer subscription', async () => {
    const refusal = async (fields: Parameters<typeof consumer.pull>[0]): Promise<unknown[]> => {
      const reply = await consumer.pull(fields);
      return [reply.code, reply.remark];
    };
    expect(await refusal({ topic, consumerGroup: 'silent' })).toEqual([
      ResponseCode.SUBSCRIPTION_NOT_EXIST,
      "the consumer's group info not exist: no heartbeat from group silent",
    ]);
    await broker.createTopic('Unwanted');
    expect(await refusal({ topic: 'Unwanted' })).toEqual([
      ResponseCode.SUBSCRIPTION_NOT_EXIST,
      "the consumer's subscription not exist: group cg is not subscribed to Unwanted",
    ]);
    expect(await refusal({ topic, subVersion: 2 })).toEqual([
      ResponseCode.SUBSCRIPTION_NOT_LATEST,
      "the consumer's subscription not latest: subVersion 1 is known, 2 is asked for",
    ]);
    expect((await consumer.pull({ topic, subVersion: 0 })).code).toBe(ResponseCode.PULL_NOT_FOUND);
  });

  it('names the topic that does not exist and the queue that is out of range', async () => {
    const unknown = await consumer.pull({ topic: 'Nowhere' });
    expect(unknown.code).toBe(ResponseCode.TOPIC_NOT_EXIST);
    expect(unknown.remark).toContain('topic[Nowhere] not exist');
    for (const queueId of [-1, 1]) {
      const old = await consumer.pull({ topic, queueId });
      expect(old.code).toBe(ResponseCode.SYSTEM_ERROR);
      expect(old.remark).toContain(`queueId[${queueId}] is illegal`);
      expect(old.remark).toContain('readQueueNums:[1]');
      const fresh = await consumer.pull({ topic, queueId }, { version: 479 });
      expect(fresh.code).toBe(ResponseCode.INVALID_PARAMETER);
    }
  });

  it('is refused on a topic without read permission', async () => {
    const { topics } = broker.broker.context;
    await topics.update({ ...topics.get(topic)!, perm: 2 });
    const reply = await consumer.pull({ topic });
    expect([reply.code, reply.remark]).toEqual([
      ResponseCode.NO_PERMISSION,
      `the topic[${topic}] pulling message is forbidden: its perm is 2`,
    ]);
  });

  it('is refused with tags that name nothing', async () => {
    const empty = await consumer.pull({
      topic,
      sysFlag: PullSysFlag.SUBSCRIPTION,
      subscription: ' || ',
    });
    expect(empty.code).toBe(ResponseCode.SUBSCRIPTION_PARSE_FAILED);
  });

  it('is refused to groups an operator has closed, for broadcasting or altogether', async () => {
    const storeDir = await mkdtemp(join(tmpdir(), 'millrace-groups-'));
    await mkdir(join(storeDir, 'config'));
    await writeFile(
      join(storeDir, 'config', 'subscriptionGroup.json'),
      JSON.stringify({
        subscriptionGroupTable: {
          closed: { groupName: 'closed', consumeEnable: false },
          quiet: { groupName: 'quiet', consumeBroadcastEnable: false },
        },
      }),
    );
    try {
      await using strict = await BrokerUnderTest.start({
        storeDir,
        config: { autoCreateSubscriptionGroup: false },
      });
      await strict.createTopic('TopicA');
      await using member = new ConsumerUnderTest(strict.broker.address, 'c1');
      await member.heartbeat({ group: 'quiet', messageModel: 'BROADCASTING' });
      const codes: number[] = [];
      for (const consumerGroup of ['closed', 'quiet', 'unheardOf']) {
        codes.push((await member.pull({ consumerGroup })).code);
      }
      expect(codes).toEqual([
        ResponseCode.NO_PERMISSION,
        ResponseCode.NO_PERMISSION,
        ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
      ]);
    } finally {
      await rm(storeDir, { recursive: true });
    }
  });
});

describe('a long poll', () => {
  it('is answered when a message arrives', async () => {
    const pulled = consumer.pull({ topic, suspendTimeoutMillis: 60_000 });
    await until(() => heldCount() === 1);
    await sendAll(['news']);
    const reply = await pulled;
    expect([reply.code, bodiesOf(reply)]).toEqual([ResponseCode.SUCCESS, ['news']]);
    expect(heldCount()).toBe(0);
  });

  it('sleeps on through messages whose tag does not match', async () => {
    await consumer.heartbeat({ topics: { [topic]: 'TagA' }, subVersion: 2 });
    const pulled = consumer.pull({ topic, suspendTimeoutMillis: 60_000 });
    await until(() => heldCount() === 1);
    await sendAll(['b1', 'b2'], 'TagB');
    expect(heldCount()).toBe(1);
    await sendAll(['a1'], 'TagA');
    const reply = await pulled;
    expect([bodiesOf(reply), pullReply(reply).nextBeginOffset]).toEqual([['a1'], 3]);
  });

  it('of two groups are both answered by one message', async () => {
    await using other = new ConsumerUnderTest(broker.broker.address, 'c2');
    await other.heartbeat({ group: 'cg2', topics: { [topic]: '*' } });
    const pulls = [
      consumer.pull({ topic, suspendTimeoutMillis: 60_000 }),
      other.pull({ topic, consumerGroup: 'cg2', suspendTimeoutMillis: 60_000 }),
    ];
    await until(() => heldCount() === 2);
    await sendAll(['news']);
    expect((await Promise.all(pulls)).map(bodiesOf)).toEqual([['news'], ['news']]);
  });

  it('ends with PULL_NOT_FOUND and all fields when its time is up', async () => {
    await sendAll(['one']);
    const reply = await consumer.pull({ topic, queueOffset: 1, suspendTimeoutMillis: 30 });
    expect([reply.code, reply.remark]).toEqual([
      ResponseCode.PULL_NOT_FOUND,
      'OFFSET_OVERFLOW_ONE',
    ]);
    expect(pullReply(reply)).toMatchObject({ nextBeginOffset: 1, maxOffset: 1 });
  });

  it('is not for a pull that only asks where to start', async () => {
    const reply = await consumer.pull({ topic, queueOffset: 5, suspendTimeoutMillis: 60_000 });
    expect(reply.code).toBe(ResponseCode.PULL_OFFSET_MOVED);
  });

  it('is forgotten with its connection', async () => {
    const pulled = consumer.pull({ topic, suspendTimeoutMillis: 60_000 });
    const outcome = pulled.then(
      () => 'answered',
      (error: unknown) => (MqError.is(error) ? error.code : error),
    );
    await until(() => heldCount() === 1);
    await consumer.close();
    expect(await outcome).toBe('CONNECTION_CLOSED');
    await until(() => heldCount() === 0);
  });

  it('notices a topic that was deleted meanwhile, when it looks again', async () => {
    const pulled = consumer.pull({ topic, suspendTimeoutMillis: 60_000 });
    await until(() => heldCount() === 1);
    const { longPolling, topics } = broker.broker.context;
    await topics.delete(topic);
    longPolling.messageArrived({ topic, queueId: 0, queueOffset: 0, tagsCode: 0 });
    expect((await pulled).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
  });

  it('is answered when the broker stops', async () => {
    await using other = await BrokerUnderTest.start();
    await other.createTopic('TopicA');
    await using member = new ConsumerUnderTest(other.broker.address, 'c1');
    await member.heartbeat();
    const pulled = member.pull({ suspendTimeoutMillis: 60_000 });
    await until(() => other.broker.context.longPolling.heldCount === 1);
    const [reply] = await Promise.all([pulled, other.stop()]);
    expect(reply.code).toBe(ResponseCode.PULL_NOT_FOUND);
    expect(pullReply(reply).nextBeginOffset).toBe(0);
  });

  it('lasts shortPollingTimeMills when long polling is off', async () => {
    await using other = await BrokerUnderTest.start({
      config: { longPollingEnable: false, shortPollingTimeMills: 20 },
    });
    await other.createTopic('TopicA');
    await using member = new ConsumerUnderTest(other.broker.address, 'c1');
    await member.heartbeat();
    const reply = await member.pull({ suspendTimeoutMillis: 3_600_000 });
    expect(reply.code).toBe(ResponseCode.PULL_NOT_FOUND);
  });
});
