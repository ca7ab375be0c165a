import { expect } from '@jest/globals';
import { until } from '../../support/deadline.ts';
import type { Behaviours, Cell } from '../support/cell.ts';
import type { Client, Consumer } from '../support/client.ts';
import { peerKeys } from '../support/peer-messages.ts';

const absent = [
  { client: /^Java 4/, why: 'Java 4.9.8 has no pop consumption.' },
  { client: /^Go/, why: 'The Go client v2.1.2 has no pop consumption over remoting.' },
];

/** The least that Java's consumers take. */
const INVISIBLE_MS = 5_000;

export const popping: Behaviours = {
  heading: 'Popping: members share queues, and the broker keeps messages invisible',
  behaviours: [
    { title: 'pops each message once, shared with another member', absent, run: shares },
    {
      title: 'shares a group that pops with a consumer of the other kind',
      absent,
      run: (cell) => shares(cell, cell.other),
    },
    { title: 'pops only its tags', absent, run: popsTags },
    {
      title: 'a failed message is popped again, with its count, topic and id',
      absent,
      run: popsAgain,
    },
    {
      title: 'what a member that hangs has popped, another gets when its time is over',
      absent,
      run: popsFromOther,
    },
    { title: 'a group that pops is set to pull, and goes on where it was', absent, run: pullsOn },
  ],
};

async function setMode({ cluster, topic, group }: Cell, mode: 'PULL' | 'POP'): Promise<void> {
  // Official brokers know only groups that were created, or have been there.
  await cluster.admin.updateSubscriptionGroup({ consumerGroup: group });
  await cluster.admin.setMessageRequestMode({ topic, consumerGroup: group, mode });
}

async function popsWith(
  client: Client,
  { topic, group }: Cell,
  options: Parameters<Client['consume']>[0] = {},
): Promise<Consumer> {
  return client.consume({ topic, group, pop: true, ...options });
}

async function shares(cell: Cell, second = cell.client): Promise<void> {
  const { client, other, topic } = cell;
  await cell.createTopic();
  await setMode(cell, 'POP');
  await using one = await popsWith(client, cell, { 'work-ms': 20 });
  await using two = await popsWith(second, cell, { 'work-ms': 20 });
  const keys: string[] = [];
  const all = (): readonly string[] => [...one.messages, ...two.messages].map(({ key }) => key);
  // The quicker one may take all there is: there is more until both have some.
  await until(
    async () => {
      const prefix = `a${keys.length}-`;
      await other.produce({ topic, count: 40, prefix });
      keys.push(...peerKeys(40, prefix));
      await until(() => new Set(all()).size === keys.length, {
        timeoutMs: 60_000,
        what: `${keys.length} messages`,
      });
      return one.messages.length > 0 && two.messages.length > 0;
    },
    { timeoutMs: 60_000, what: 'messages for both' },
  );
  expect([...all()].toSorted()).toEqual(keys.toSorted());
}

async function popsTags(cell: Cell): Promise<void> {
  const { client, other, topic } = cell;
  await cell.createTopic();
  await setMode(cell, 'POP');
  await using consumer = await popsWith(client, cell, { tags: 'TagA || TagC' });
  await other.produce({ topic, count: 9, tags: 'TagA,TagB,TagC' });
  await consumer.distinct(6);
  expect(new Set(consumer.messages.map(({ tags }) => tags))).toEqual(new Set(['TagA', 'TagC']));
}

async function popsAgain(cell: Cell): Promise<void> {
  const { client, other, topic } = cell;
  await cell.createTopic(1);
  await setMode(cell, 'POP');
  await using consumer = await popsWith(client, cell, { 'fail-times': 1 });
  const [sent] = await other.produce({ topic });
  const [first, again] = await consumer.gets(({ length }) => length >= 2, 'a second try', 90_000);
  expect(first).toMatchObject({ key: sent!.key, msgId: sent!.msgId, reconsumeTimes: 0, topic });
  expect(again).toMatchObject({ key: sent!.key, msgId: sent!.msgId, reconsumeTimes: 1, topic });
  expect(again!.atMs - first!.atMs).toBeGreaterThanOrEqual(10_000 - 500);
}

async function popsFromOther(cell: Cell): Promise<void> {
  const { client, other, topic } = cell;
  await cell.createTopic(1);
  await setMode(cell, 'POP');
  const hangs = await popsWith(client, cell, { 'hang-times': 1, 'invisible-ms': INVISIBLE_MS });
  const [sent] = await other.produce({ topic });
  const [held] = await hangs.gets(({ length }) => length >= 1, 'the message');
  await hangs.stop();
  await using consumer = await popsWith(client, cell, { 'invisible-ms': INVISIBLE_MS });
  const [got] = await consumer.gets(({ length }) => length >= 1, 'the message again', 90_000);
  expect(got).toMatchObject({ key: sent!.key, msgId: sent!.msgId, topic });
  // Twice when it was given to the one that hung once more before that had left.
  expect([1, 2]).toContain(got!.reconsumeTimes);
  expect(got!.atMs - held!.atMs).toBeGreaterThanOrEqual(INVISIBLE_MS - 500);
}

async function pullsOn(cell: Cell): Promise<void> {
  const { client, other, topic } = cell;
  await cell.createTopic();
  await setMode(cell, 'POP');
  const popped = await popsWith(client, cell);
  await other.produce({ topic, count: 20, prefix: 'popped' });
  await popped.distinct(20);
  await cell.caughtUp();
  await popped.stop();
  await setMode(cell, 'PULL');
  await using pulled = await popsWith(client, cell);
  await other.produce({ topic, count: 20, prefix: 'pulled' });
  await pulled.distinct(20);
  expect(pulled.messages.map(({ key }) => key).toSorted()).toEqual(
    peerKeys(20, 'pulled').toSorted(),
  );
}
