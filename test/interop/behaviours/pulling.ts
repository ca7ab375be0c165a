import { expect } from '@jest/globals';
import type { RemotingCommand } from '../../../mq/protocol/frame.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { PullSysFlag } from '../../../mq/protocol/sys-flag.ts';
import { until } from '../../support/deadline.ts';
import type { Behaviours, Cell } from '../support/cell.ts';
import type { Got } from '../support/client.ts';
import { peerKeys } from '../support/peer-messages.ts';

const noAssignInGo = {
  client: /^Go/,
  why: 'The Go client v2.1.2 has no pull consumer that is assigned queues or seeks.',
};

export const pulling: Behaviours = {
  heading: 'Pulling: another sends, the client asks for messages',
  behaviours: [
    {
      title: 'lite pull, subscribed: each message once, each queue in its order',
      run: pollsInOrder,
    },
    {
      title: 'lite pull, subscribed: asks brokers as Java of its time does',
      absent: [{ client: /^Go/, why: 'The Go client v2.1.2 has no lite pull.' }],
      run: asksAsJava,
    },
    { title: 'lite pull, subscribed: only its tags', run: pollsTags },
    {
      title: 'lite pull, subscribed: what it commits is where its group goes on',
      run: (cell) => goesOn(cell, {}),
    },
    {
      title: 'lite pull, subscribed: commits by itself',
      absent: [{ client: /^Go/, why: 'The Go client v2.1.2 commits what is acknowledged only.' }],
      run: (cell) => goesOn(cell, { auto: true }),
    },
    {
      title: 'lite pull, subscribed: shares a group with a push consumer of another client',
      run: sharesWithPush,
    },
    {
      title: 'lite pull, assigned: seeks to an offset, to the beginning and to the end',
      absent: [noAssignInGo],
      run: seeks,
    },
    {
      title: 'lite pull, assigned: what it commits is where its group goes on',
      absent: [noAssignInGo],
      run: (cell) => goesOn(cell, { assign: true }),
    },
    { title: 'a single pull: from any offset, waiting, and past the end', run: pullsOnce },
  ],
};

const keysOf = (messages: readonly Got[]): string[] => messages.map(({ key }) => key);

async function pollsInOrder(cell: Cell): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic();
  await using consumer = await client.poll({ topic, group });
  await other.produce({ topic, count: 40, prefix: 'a' });
  await other.produce({ topic, count: 3, prefix: 'large', size: 30_000 });
  const got = await consumer.distinct(43);
  expect(got).toHaveLength(43);
  for (const queueId of [0, 1, 2, 3]) {
    const offsets = got.filter((one) => one.queueId === queueId).map((one) => one.queueOffset);
    expect(offsets).toEqual(offsets.map((_, index) => index));
  }
}

async function asksAsJava(cell: Cell): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic(1);
  const asked: RemotingCommand[] = [];
  const watched = await cell.through((request) => {
    const isPull =
      request.code === RequestCode.PULL_MESSAGE || request.code === RequestCode.LITE_PULL_MESSAGE;
    if (isPull) asked.push(request);
    return 'pass';
  });
  await using consumer = await watched.poll({ topic, group });
  await other.produce({ topic, count: 1 });
  await consumer.distinct(1);
  const isOld = client.name.includes('4.9');
  expect(asked[0]).toMatchObject({
    code: isOld ? RequestCode.PULL_MESSAGE : RequestCode.LITE_PULL_MESSAGE,
    extFields: {
      consumerGroup: group,
      topic,
      queueId: '0',
      maxMsgNums: '10',
      sysFlag: String(PullSysFlag.SUSPEND | PullSysFlag.SUBSCRIPTION | PullSysFlag.LITE_PULL),
      commitOffset: '0',
      suspendTimeoutMillis: '20000',
      subscription: '*',
      subVersion: '0',
      expressionType: 'TAG',
    },
  });
}

async function pollsTags(cell: Cell): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic();
  await using consumer = await client.poll({ topic, group, tags: 'Paid || Closed' });
  await other.produce({ topic, count: 20, tags: 'Paid,Created,Closed,Refunded' });
  const got = await consumer.distinct(10);
  expect(got).toHaveLength(10);
  expect(new Set(got.map(({ tags }) => tags))).toEqual(new Set(['Paid', 'Closed']));
}

async function goesOn(cell: Cell, options: Record<string, boolean>): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic();
  const pollAll = async (count: number): Promise<string[]> => {
    await using consumer = await client.poll({ topic, group, ...options });
    const got = await consumer.distinct(count);
    await cell.caughtUp();
    return keysOf(got).toSorted();
  };
  await other.produce({ topic, count: 8, prefix: 'first' });
  expect(await pollAll(8)).toEqual(peerKeys(8, 'first'));
  await other.produce({ topic, count: 8, prefix: 'second' });
  expect(await pollAll(8)).toEqual(peerKeys(8, 'second'));
}

/** Both must come to the same allocation of queues, and each must keep what the other has committed. */
async function sharesWithPush(cell: Cell): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic(8);
  await using one = await client.poll({ topic, group });
  await using another = await other.consume({ topic, group });
  const sent: string[] = [];
  while (one.messages.length < 20 || another.messages.length < 20) {
    const prefix = `r${sent.length}-`;
    await other.produce({ topic, count: 20, prefix });
    sent.push(...peerKeys(20, prefix));
    if (sent.length >= 5_000) throw new Error(`one got nothing of ${sent.length} messages`);
  }
  const keys = (): Set<string> => new Set(keysOf([...one.messages, ...another.messages]));
  await one.gets(() => keys().size >= sent.length, 'every message, by one or the other');
  expect(keys()).toEqual(new Set(sent));
  await cell.caughtUp();
}

async function seeks(cell: Cell): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic(1);
  await other.produce({ topic, count: 6 });
  const polled = async (seek: string, count: number): Promise<string[]> => {
    await using consumer = await client.poll({ topic, group, assign: true, seek });
    return keysOf(await consumer.distinct(count));
  };
  expect(await polled('4', 2)).toEqual(['k4', 'k5']);
  expect(await polled('begin', 6)).toEqual(peerKeys(6));
  await using consumer = await client.poll({ topic, group, assign: true, seek: 'end' });
  await other.produce({ topic, count: 1, prefix: 'new' });
  expect(keysOf(await consumer.distinct(1))).toEqual(['new0']);
}

async function pullsOnce(cell: Cell): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic(1);
  const [first] = await other.produce({ topic, count: 5 });
  const queue = first!.queue!;
  const pull = { topic, group, queue };
  expect(await client.pull({ ...pull, offset: 2 })).toEqual({
    status: 'FOUND',
    next: 5,
    min: 0,
    max: 5,
    keys: ['k2', 'k3', 'k4'],
  });
  expect(await client.pull({ ...pull, offset: 1, count: 1 })).toMatchObject({
    next: 2,
    keys: ['k1'],
  });
  // The Go client always waits.
  if (!client.name.startsWith('Go')) {
    const nothing = { status: 'NO_NEW_MSG', next: 5, keys: [] };
    expect(await client.pull({ ...pull, offset: 5 })).toMatchObject(nothing);
  }
  const waiting = client.pull({ ...pull, offset: 5, block: true });
  let isAnswered = false;
  void waiting.then(() => (isAnswered = true));
  let sent = 0;
  await until(
    async () => {
      await other.produce({ topic, count: 1, prefix: `new${sent++}-` });
      return isAnswered;
    },
    { timeoutMs: 30_000, pollMs: 500, what: 'an answer to the pull that waits' },
  );
  expect(await waiting).toMatchObject({
    status: 'FOUND',
    keys: expect.arrayContaining(['new0-0']),
  });
  const pastTheEnd = await client.pull({ ...pull, offset: 99 });
  expect(pastTheEnd).toMatchObject(
    client.name === 'Millrace'
      ? { code: 'PULL_OFFSET_MOVED', sentence: expect.stringContaining('99 is past the end') }
      : { status: 'OFFSET_ILLEGAL', next: 5 + sent, max: 5 + sent },
  );
}
