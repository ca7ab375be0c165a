import { expect } from '@jest/globals';
import { allocateStrategies, allocationInput } from '../../../mq/client/allocate.ts';
import { queueKey } from '../../../mq/protocol/message-queue.ts';
import type { Behaviours, Cell } from '../support/cell.ts';
import type { Client, Consumer, Got } from '../support/client.ts';
import { offsetsDirectory } from '../support/peer-kinds.ts';
import { peerKeys } from '../support/peer-messages.ts';

/** Rounds of messages after which members that still share otherwise will not agree any more. */
const MAX_ROUNDS = 60;

export const pushConsumers: Behaviours = {
  heading: 'Push consumers: broadcasting, batches, strategies',
  behaviours: [
    { title: 'broadcasting: every member gets every message', run: broadcasts },
    { title: 'broadcasting: a member goes on where it left off', run: goesOn },
    {
      title: 'broadcasting: another client goes on with its offsets file, and it with the other’s',
      absent: [
        {
          client: /^Go/,
          why: 'The Go client v2.1.2 keeps its progress in a file of another name and form.',
        },
      ],
      run: handsItsFileOver,
    },
    { title: 'a batch listener gets several messages of a queue at a time', run: takesBatches },
    {
      title: 'what a batch listener does not acknowledge comes again, and nothing else',
      absent: [{ client: /^Go/, why: 'The Go client v2.1.2 has no ackIndex.' }],
      run: acknowledgesSome,
    },
    {
      title: 'AVG_BY_CIRCLE: shares a group with another client, queue by queue',
      run: sharesInTurn,
    },
    {
      title: 'CONSISTENT_HASH: shares a group with another client, both by the same ring',
      absent: [
        {
          client: /^Go/,
          why: 'The Go client v2.1.2 hashes by CRC32: its ring is not Java’s.',
        },
      ],
      run: sharesByRing,
    },
  ],
};

const keysOf = (messages: readonly Got[]): string[] => messages.map(({ key }) => key).toSorted();

function member(cell: Cell, name: string, client: Client = cell.client): Promise<Consumer> {
  const { topic, group } = cell;
  const instance = `${group}-${name}`;
  return client.push({ topic, group, instance, broadcasting: true, offsets: offsetsDirectory });
}

async function broadcasts(cell: Cell): Promise<void> {
  await cell.createTopic();
  await using one = await member(cell, 'one');
  await using two = await member(cell, 'two');
  await using foreign = await member(cell, 'foreign', cell.other);
  await cell.other.produce({ topic: cell.topic, count: 20 });
  for (const each of [one, two, foreign]) {
    expect(keysOf(await each.distinct(20))).toEqual(peerKeys(20).toSorted());
  }
  expect(await cell.messageCount(`%RETRY%${cell.group}`)).toBe(0);
}

/** Each is the next life of one member; a client that repeats what it had not reported yet shows it at its first message. */
async function consumeRounds(cell: Cell, lives: readonly Client[]): Promise<void> {
  await cell.createTopic();
  for (const [life, client] of lives.entries()) {
    const prefix = `life${life}-`;
    await cell.other.produce({ topic: cell.topic, count: 8, prefix });
    await using consumer = await member(cell, 'same', client);
    expect(keysOf(await consumer.distinct(8))).toEqual(peerKeys(8, prefix).toSorted());
  }
}

async function goesOn(cell: Cell): Promise<void> {
  await consumeRounds(cell, [cell.client, cell.client, cell.client]);
}

async function handsItsFileOver(cell: Cell): Promise<void> {
  await consumeRounds(cell, [cell.client, cell.other, cell.client]);
}

async function takesBatches(cell: Cell): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic(1);
  // They are all there when it begins: a batch is what there is.
  await other.produce({ topic, count: 40, mode: 'batch' });
  const instance = `${group}-one`;
  await using consumer = await client.push({ topic, group, instance, batch: 7 });
  expect(keysOf(await consumer.distinct(40))).toEqual(peerKeys(40).toSorted());
  const sizes = consumer.batchSizes;
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(40);
  expect(Math.max(...sizes)).toBe(7);
}

async function acknowledgesSome(cell: Cell): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic(1);
  await other.produce({ topic, count: 5, mode: 'batch' });
  const instance = `${group}-one`;
  await using consumer = await client.push({ topic, group, instance, batch: 5, ack: 2 });
  const got = await consumer.gets(({ length }) => length >= 7, 'the two retries');
  const retried = got.filter(({ reconsumeTimes }) => reconsumeTimes > 0);
  expect(consumer.batchSizes[0]).toBe(5);
  expect(keysOf(retried)).toEqual(peerKeys(5).slice(3).toSorted());
  expect(got).toHaveLength(7);
}

async function sharesInTurn(cell: Cell): Promise<void> {
  const owned = await settledOwners(cell, 'AVG_BY_CIRCLE', 8, (one, another) => {
    const [first, second] = one.includes(0) ? [one, another] : [another, one];
    return String(first) === '0,2,4,6' && String(second) === '1,3,5,7';
  });
  expect([...owned.one, ...owned.another].toSorted((a, b) => a - b)).toEqual([
    0, 1, 2, 3, 4, 5, 6, 7,
  ]);
}

async function sharesByRing(cell: Cell): Promise<void> {
  const ids = ['one', 'another'].map((name) => `127.0.0.1@${cell.group}-${name}`);
  const expected = async (id: string): Promise<string> => {
    const queues = await cell.cluster.admin.queues(cell.topic);
    const share = allocateStrategies.CONSISTENT_HASH(allocationInput(cell.group, id, queues, ids));
    expect(new Set(share.map(queueKey)).size).toBe(share.length);
    return String(share.map(({ queueId }) => queueId).toSorted((a, b) => a - b));
  };
  await cell.createTopic(16);
  const [ofOne, ofAnother] = await Promise.all(ids.map(expected));
  await settledOwners(
    cell,
    'CONSISTENT_HASH',
    16,
    (one, another) => String(one) === ofOne && String(another) === ofAnother,
  );
}

/**
 * Which queues the client and the other one consume once that is as it should be. A round is one message to each queue; while
 * queues change hands some come to both.
 */
async function settledOwners(
  cell: Cell,
  strategy: string,
  queueCount: number,
  isSettled: (one: readonly number[], another: readonly number[]) => boolean,
): Promise<{ one: number[]; another: number[] }> {
  const { client, other, topic, group } = cell;
  await cell.createTopic(queueCount);
  const join = (who: Client, name: string): Promise<Consumer> =>
    who.push({ topic, group, instance: `${group}-${name}`, strategy });
  await using one = await join(client, 'one');
  await using another = await join(other, 'another');
  let owned = { one: [] as number[], another: [] as number[] };
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const prefix = `round${round}-`;
    await other.produce({ topic, count: queueCount, prefix });
    const ofRound = (consumer: Consumer): Got[] =>
      consumer.messages.filter(({ key }) => key.startsWith(prefix));
    const all = (): Got[] => [...ofRound(one), ...ofRound(another)];
    const isThere = (): boolean => new Set(all().map(({ key }) => key)).size === queueCount;
    await one.gets(isThere, `${prefix}, by one or the other`);
    const queuesOf = (consumer: Consumer): number[] =>
      [...new Set(ofRound(consumer).map(({ queueId }) => queueId))].toSorted((a, b) => a - b);
    owned = { one: queuesOf(one), another: queuesOf(another) };
    if (isSettled(owned.one, owned.another)) return owned;
  }
  throw new Error(`after ${MAX_ROUNDS} rounds still ${JSON.stringify(owned)}`);
}
