import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Admin,
  LitePullConsumer,
  Producer,
  PushConsumer,
  type AssignmentChange,
  type ConsumedMessage,
  type LitePullConsumerOptions,
  type MessageQueue,
} from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { until } from '../../support/deadline.ts';
import { closeOpened, open } from '../../support/opened.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

let mq: TestBroker;
let sender: Producer;

function consumer(options: Partial<LitePullConsumerOptions> = {}): LitePullConsumer {
  return open(
    new LitePullConsumer({
      namesrvAddr: mq.namesrvAddr,
      consumerGroup: 'g',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      ...options,
    }),
  );
}

function queue(queueId = 0, topic = 'T'): MessageQueue {
  return { topic, brokerName: mq.broker.config.brokerName, queueId };
}

/** Sends bodies to one queue, in order. */
async function send(bodies: readonly string[], to = queue(), tags?: string): Promise<void> {
  for (const body of bodies) {
    await sender.send(
      { topic: to.topic, body, ...(tags !== undefined && { tags }) },
      { queue: to },
    );
  }
}

const texts = (messages: readonly ConsumedMessage[]): string[] =>
  messages.map((message) => message.text());

function thrown(): never {
  throw new Error('of the application');
}

/** Polls until there are so many messages. */
async function polled(member: LitePullConsumer, count: number): Promise<ConsumedMessage[]> {
  const got: ConsumedMessage[] = [];
  while (got.length < count) got.push(...(await member.poll({ maxCount: count - got.length })));
  return got;
}

const stored = (queueId = 0, group = 'g'): number | undefined =>
  mq.broker.context.offsets.query(group, 'T', queueId);

beforeEach(async () => {
  mq = open(await testBroker());
  sender = open(new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'p' }));
  await mq.createTopic('T', 2);
});

afterEach(closeOpened);

describe('a lite pull consumer that subscribes', () => {
  it('gets what the group has not consumed yet, queue by queue in order', async () => {
    await send(['a', 'b', 'c'], queue(0));
    await send(['x', 'y'], queue(1));
    const member = consumer().subscribe('T');
    await member.start();
    const got = await polled(member, 5);
    expect(texts(got.filter(({ queueId }) => queueId === 0))).toEqual(['a', 'b', 'c']);
    expect(texts(got.filter(({ queueId }) => queueId === 1))).toEqual(['x', 'y']);
    expect(got[0]).toMatchObject({ topic: 'T', brokerName: queue().brokerName, reconsumeTimes: 0 });
  });

  it('waits for what is sent, and gets it at once', async () => {
    const member = consumer({ consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET' }).subscribe('T');
    await member.start();
    const waiting = member.poll({ timeoutMs: 60_000 });
    await send(['new']);
    expect(texts(await waiting)).toEqual(['new']);
  });

  it('gets nothing, in time, when there is nothing', async () => {
    const member = consumer().subscribe('T');
    await member.start();
    expect(await member.poll({ timeoutMs: 0 })).toEqual([]);
    expect(await member.poll({ timeoutMs: 1 })).toEqual([]);
  });

  it('gets the tags it wants, and makes progress over those it does not', async () => {
    await send(['1', '2'], queue(), 'Paid');
    await send(['3'], queue(), 'Created');
    const member = consumer().subscribe('T', 'Paid || Closed');
    await member.start();
    expect(texts(await polled(member, 2))).toEqual(['1', '2']);
    await until(() => member.position(queue()) === 3);
    await member.commit();
    expect(stored()).toBe(3);
  });

  it('hands out one by one in a loop, and counts each as consumed when the next is asked for', async () => {
    await send(['a', 'b', 'c']);
    const member = consumer({ autoCommit: true }).subscribe('T');
    await member.start();
    const got: string[] = [];
    for await (const message of member) {
      got.push(message.text());
      if (got.length === 3) break;
    }
    expect(got).toEqual(['a', 'b', 'c']);
    await member.shutdown();
    expect(stored()).toBe(2);
  });

  it('ends its loop when it is shut down', async () => {
    const member = consumer().subscribe('T');
    await member.start();
    const loop = (async () => {
      for await (const message of member) throw new Error(`got ${message.text()}`);
      return 'ended';
    })();
    const poll = member.poll({ timeoutMs: 60_000 });
    await member.shutdown();
    expect(await loop).toBe('ended');
    expect(await poll).toEqual([]);
  });

  it('goes on where its group left off, with the last batch again that no poll followed', async () => {
    await send(['a', 'b', 'c', 'd']);
    const first = consumer().subscribe('T');
    await first.start();
    expect(texts(await first.poll({ maxCount: 2 }))).toEqual(['a', 'b']);
    expect(texts(await first.poll({ maxCount: 1 }))).toEqual(['c']);
    await first.shutdown();
    const second = consumer().subscribe('T');
    await second.start();
    expect(texts(await polled(second, 2))).toEqual(['c', 'd']);
  });

  it('commits nothing by itself without autoCommit, and everything handed out when told to', async () => {
    await send(['a', 'b', 'c']);
    const first = consumer({ autoCommit: false }).subscribe('T');
    await first.start();
    await first.poll({ maxCount: 2 });
    await first.poll({ maxCount: 1 });
    await first.shutdown();
    expect(stored()).toBeUndefined();
    const second = consumer({ autoCommit: false }).subscribe('T');
    await second.start();
    await second.poll({ maxCount: 2 });
    await second.commit();
    expect(stored()).toBe(2);
    expect(await second.committed(queue())).toBe(2);
    await second.poll({ maxCount: 1 });
    await second.shutdown();
    expect(stored()).toBe(2);
  });

  it('commits the offsets it is given', async () => {
    await send(['a', 'b', 'c']);
    const member = consumer({ autoCommit: false }).subscribe('T');
    await member.start();
    expect(await member.committed(queue())).toBeUndefined();
    await member.poll({ maxCount: 3 });
    await member.commit([
      [queue(0), 1],
      [queue(1), 0],
    ]);
    expect([stored(0), stored(1)]).toEqual([1, 0]);
    await expect(member.commit([[queue(7), 1]])).rejects.toMatchObject({
      code: 'QUEUE_NOT_ASSIGNED',
      details: { topic: 'T', queueId: 7 },
    });
    await expect(member.commit([[queue(0), -1]])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('-1'),
    });
    expect(stored(0)).toBe(1);
  });

  it('shares the queues with a push consumer of its group, and tells the listener', async () => {
    const changes: AssignmentChange[] = [];
    const member = consumer()
      .subscribe('T')
      .onAssignmentChange((change) => changes.push(change));
    await member.start();
    expect(changes).toMatchObject([{ topic: 'T', added: [queue(0), queue(1)], removed: [] }]);
    const push = open(
      new PushConsumer({ namesrvAddr: mq.namesrvAddr, consumerGroup: 'g' })
        .subscribe('T')
        .onMessage(() => undefined),
    );
    await push.start();
    await until(() => member.assignedQueues().length === 1);
    expect(changes.at(-1)).toMatchObject({
      topic: 'T',
      added: [],
      assigned: member.assignedQueues(),
    });
    const lost = changes.at(-1)!.removed[0]!;
    await expect(member.commit([[lost, 1]])).rejects.toMatchObject({ code: 'QUEUE_NOT_ASSIGNED' });
    await expect(member.seekToBegin(lost)).rejects.toMatchObject({ code: 'QUEUE_NOT_ASSIGNED' });
    expect(() => member.pause([lost])).toThrow('not assigned');
  });

  it('is waited for by the test kit, as push consumers are', async () => {
    await send(['a', 'b', 'c'], queue(0));
    const member = consumer().subscribe('T');
    await member.start();
    const got: string[] = [];
    const loop = (async () => {
      for await (const message of member) got.push(message.text());
    })();
    await mq.consumed('g', 'T');
    expect(got).toEqual(['a', 'b', 'c']);
    await send(['d'], queue(1));
    await mq.drain('g', 'T');
    expect(got).toHaveLength(4);
    await member.shutdown();
    await loop;
  });

  it.each([
    ['throws', () => thrown()],
    ['is async and fails', async () => thrown()],
  ])('survives a listener that %s, and says so', async (_how, listener) => {
    const logger = new RecordingLogger();
    const member = consumer({ logger }).subscribe('T').onAssignmentChange(listener);
    await member.start();
    await send(['a']);
    expect(texts(await member.poll())).toEqual(['a']);
    expect(logger.entries).toContainEqual(
      expect.objectContaining({
        level: 'error',
        message: 'a listener of the consumer failed',
        fields: { event: 'assignmentChange', error: new Error('of the application') },
      }),
    );
  });

  it('begins where the listener seeks to, with the first message already', async () => {
    await send(['a', 'b', 'c']);
    const seeks: Promise<void>[] = [];
    const member = consumer().subscribe('T');
    member.onAssignmentChange(({ added }) => {
      for (const one of added) if (one.queueId === 0) seeks.push(member.seek(one, 2));
    });
    await member.start();
    expect(texts(await member.poll())).toEqual(['c']);
    await Promise.all(seeks);
  });

  it('leaves a topic', async () => {
    await mq.createTopic('U', 1);
    const member = consumer().subscribe('T').subscribe('U');
    await member.start();
    expect(member.assignedQueues()).toHaveLength(3);
    member.unsubscribe('T');
    await until(() => member.assignedQueues().length === 1);
    await send(['a'], queue(0, 'U'));
    expect(texts(await member.poll())).toEqual(['a']);
  });
});

describe('a lite pull consumer with assigned queues', () => {
  it('reads them and no others, whoever else does', async () => {
    await send(['a'], queue(0));
    await send(['b'], queue(1));
    const one = consumer();
    await one.assign([queue(1)]);
    await one.start();
    const other = consumer();
    await other.start();
    expect(await other.fetchMessageQueues('T')).toEqual([queue(0), queue(1)]);
    await other.assign([queue(1), queue(1)]);
    expect(other.assignedQueues()).toEqual([queue(1)]);
    expect(texts(await one.poll())).toEqual(['b']);
    expect(texts(await other.poll())).toEqual(['b']);
    await one.assign([queue(0)]);
    expect(texts(await one.poll())).toEqual(['a']);
    expect(one.assignedQueues()).toEqual([queue(0)]);
  });

  it('reads the tags it was told to', async () => {
    await send(['1'], queue(), 'Created');
    await send(['2'], queue(), 'Paid');
    const member = consumer().setSubExpressionForAssign('T', 'Paid');
    await member.assign([queue()]);
    await member.start();
    expect(texts(await member.poll())).toEqual(['2']);
  });

  it('cannot subscribe, nor can one that subscribes have queues assigned', async () => {
    const assigned = consumer();
    await assigned.assign([queue()]);
    expect(() => assigned.subscribe('T')).toThrow('assigned to this consumer by hand');
    await expect(consumer().subscribe('T').assign([queue()])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('subscribes to topics'),
    });
  });

  it('goes to any offset it has, and to no other', async () => {
    await send(['a', 'b', 'c', 'd']);
    const member = consumer();
    await member.assign([queue()]);
    await member.start();
    expect(texts(await polled(member, 4))).toEqual(['a', 'b', 'c', 'd']);
    await member.seek(queue(), 2);
    expect(texts(await member.poll())).toEqual(['c', 'd']);
    await member.seekToBegin(queue());
    expect(texts(await polled(member, 4))).toEqual(['a', 'b', 'c', 'd']);
    await member.seekToEnd(queue());
    await send(['e']);
    expect(texts(await member.poll())).toEqual(['e']);
    await expect(member.seek(queue(), 6)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/offset 6 is not in T@.*@0, which has 0 to 5/),
    });
    await expect(member.seek(queue(), -1)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await send(['f']);
    expect(texts(await member.poll())).toEqual(['f']);
  });

  it('finds offsets by time', async () => {
    await send(['a']);
    const [first] = await mq.messages('T');
    await until(() => Date.now() > first!.storeTimestamp);
    await send(['b']);
    const member = consumer();
    await member.start();
    expect(await member.minOffset(queue())).toBe(0);
    expect(await member.maxOffset(queue())).toBe(2);
    expect(await member.offsetForTimestamp(queue(), first!.storeTimestamp + 1)).toBe(1);
  });

  it('fetches nothing of a paused queue, and goes on when it is resumed', async () => {
    await send(['a'], queue(0));
    const member = consumer();
    await member.assign([queue(0), queue(1)]);
    await member.start();
    expect(texts(await member.poll())).toEqual(['a']);
    member.pause([queue(0)]);
    expect(member.pausedQueues()).toEqual([queue(0)]);
    await send(['b'], queue(0));
    await send(['x'], queue(1));
    expect(texts(await member.poll())).toEqual(['x']);
    expect(await member.poll({ timeoutMs: 0 })).toEqual([]);
    member.resume([queue(0)]);
    expect(texts(await member.poll())).toEqual(['b']);
  });

  it('is told when its topic has more queues', async () => {
    await using admin = new Admin({ namesrvAddr: mq.namesrvAddr });
    const told: (readonly MessageQueue[])[] = [];
    const member = consumer();
    member.onTopicMessageQueueChange('T', (_topic, queues) => told.push(queues));
    await member.start();
    await admin.createTopic({ topic: 'T', readQueueNums: 3, writeQueueNums: 3 });
    await until(async () => (await member.fetchMessageQueues('T')).length === 3);
    expect(told).toEqual([[queue(0), queue(1), queue(2)]]);
  });
});

describe('a lite pull consumer that broadcasts', () => {
  it('gets everything, and keeps its own progress', async () => {
    await send(['a', 'b'], queue(0));
    const offsetStoreDir = await mkdtemp(join(tmpdir(), 'millrace-offsets-'));
    open({
      [Symbol.asyncDispose]: () => rm(offsetStoreDir, { recursive: true, force: true }),
    });
    const broadcasting = (instanceName: string): LitePullConsumer =>
      consumer({
        messageModel: 'BROADCASTING',
        instanceName,
        clientIp: 'ip',
        offsetStoreDir,
        autoCommit: false,
      }).subscribe('T');
    const [one, other] = [broadcasting('one'), broadcasting('other')];
    await one.start();
    await other.start();
    expect(texts(await polled(one, 2))).toEqual(['a', 'b']);
    expect(texts(await polled(other, 1))).toEqual(['a']);
    expect(await other.committed(queue())).toBeUndefined();
    await other.commit();
    expect(await other.committed(queue())).toBe(1);
    await other.shutdown();
    const again = broadcasting('other');
    await again.start();
    expect(texts(await polled(again, 1))).toEqual(['b']);
    expect(stored()).toBeUndefined();
  });
});

describe('a pull', () => {
  it('reads any queue from any offset, and makes no progress', async () => {
    await send(['a', 'b', 'c']);
    const member = consumer();
    await member.start();
    const result = await member.pull(queue(), 1);
    expect(result).toMatchObject({
      status: 'FOUND',
      nextBeginOffset: 3,
      minOffset: 0,
      maxOffset: 3,
    });
    expect(texts(result.messages)).toEqual(['b', 'c']);
    expect((await member.pull(queue(), 0, { maxCount: 1 })).nextBeginOffset).toBe(1);
    expect(await member.pull(queue(), 3)).toMatchObject({ status: 'NO_NEW_MSG', messages: [] });
    await member.shutdown();
    expect(stored()).toBeUndefined();
  });

  it('waits for a message if it is told to', async () => {
    const member = consumer();
    await member.start();
    const waiting = member.pull(queue(), 0, { timeoutMs: 60_000 });
    await send(['late']);
    expect(texts((await waiting).messages)).toEqual(['late']);
    const controller = new AbortController();
    const aborted = member.pull(queue(), 1, { timeoutMs: 60_000, signal: controller.signal });
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'REQUEST_ABORTED' });
  });

  it('says what its filter left out', async () => {
    await send(['1'], queue(), 'Created');
    const member = consumer();
    await member.start();
    expect(await member.pull(queue(), 0, { expression: 'Paid' })).toMatchObject({
      status: 'NO_MATCHED_MSG',
      nextBeginOffset: 1,
      messages: [],
    });
    // These two have one hash: the broker takes either for the other.
    await send(['2'], queue(), 'BB');
    expect(await member.pull(queue(), 1, { expression: 'Aa' })).toMatchObject({
      status: 'NO_MATCHED_MSG',
      nextBeginOffset: 2,
      messages: [],
    });
    const found = await member.pull(queue(), 0, { expression: 'Created' });
    expect([texts(found.messages), found.nextBeginOffset]).toEqual([['1'], 2]);
  });

  it('refuses what is no offset, and what is past the end with both numbers', async () => {
    await send(['a']);
    const member = consumer();
    await member.start();
    await expect(member.pull(queue(), -1)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'queueOffset is -1, it must be an integer ≥ 0',
    });
    await expect(member.pull(queue(), 900)).rejects.toMatchObject({
      code: 'PULL_OFFSET_MOVED',
      message: expect.stringMatching(/offset 900 is past the end of T@.*@0, which is 1/),
      details: { queueOffset: 900, nextBeginOffset: 1, minOffset: 0, maxOffset: 1 },
    });
    await expect(member.pull(queue(9), 0)).rejects.toThrow('queueId[9] is illegal');
    await expect(member.pull({ ...queue(), topic: 'U' }, 0)).rejects.toMatchObject({
      code: 'TOPIC_NOT_EXIST',
    });
    await expect(member.pull({ ...queue(), brokerName: 'b' }, 0)).rejects.toMatchObject({
      code: 'NO_ROUTE',
    });
  });
});

describe('a lite pull consumer that is used wrongly', () => {
  it('says so', async () => {
    expect(() => consumer({ autoCommitIntervalMillis: 999 })).toThrow('999');
    expect(() => consumer({ pullThresholdForQueue: 0 })).toThrow('pullThresholdForQueue is 0');
    const member = consumer();
    await expect(member.poll()).rejects.toMatchObject({
      message: expect.stringContaining('start'),
    });
    await member.start();
    await expect(member.poll()).rejects.toMatchObject({
      message: expect.stringContaining('call subscribe or assign first'),
    });
    member.subscribe('T');
    await expect(member.poll({ maxCount: 0 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(member.poll({ timeoutMs: -1 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(member.fetchMessageQueues('U')).rejects.toMatchObject({ code: 'NO_ROUTE' });
    await member.shutdown();
    expect(member.isRunning).toBe(false);
    await expect(member.poll()).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
    await expect(member.start()).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
    await expect(member.assign([queue()])).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
  });
});
