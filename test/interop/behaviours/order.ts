import { expect } from '@jest/globals';
import type { Behaviours, Cell } from '../support/cell.ts';
import type { Client, Consumer, Got, Sent } from '../support/client.ts';
import { until } from '../../support/deadline.ts';
import { peerKeys } from '../support/peer-messages.ts';

const QUEUE_COUNT = 4;
const SHARD_COUNT = 8;

export const order: Behaviours = {
  heading: 'Order',
  behaviours: [
    {
      title: 'the hash selector puts every message of a key into one queue, the one Java chooses',
      run: async (cell) => {
        await cell.createTopic(QUEUE_COUNT);
        const sent = await cell.client.produce({
          topic: cell.topic,
          count: SHARD_COUNT * 3,
          shards: SHARD_COUNT,
        });
        const chosen = queuesOfShards(sent);
        for (const queues of chosen) expect(queues.size).toBe(1);
        const asJava = chosen.map((_, shard) => new Set([javaQueueOf(`shard-${shard}`)]));
        if (!isGo(cell.client)) return expect(chosen).toEqual(asJava);
        expect(chosen).not.toEqual(asJava);
        return 'The Go client hashes by FNV-1a: a key’s messages stay together, in another queue than Java’s.';
      },
    },
    {
      title: 'an orderly consumer gets every queue in order',
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        await cell.createTopic(QUEUE_COUNT);
        await using consumer = await client.consume({ topic, group, orderly: true });
        await other.produce({ topic, count: 60 });
        expectInOrder(await consumer.distinct(60));
        expect(consumer.messages).toHaveLength(60);
      },
    },
    {
      title:
        'suspended a moment, the same message comes again before the next, and never by way of %RETRY%',
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        await cell.createTopic(1);
        const options = { topic, group, orderly: true, 'fail-times': 3 };
        await using consumer = await client.consume(options);
        await other.produce({ topic, count: 3 });
        const got = await consumer.gets(({ length }) => length >= 12, 'twelve tries');
        expect(got.map(({ key }) => key)).toEqual(peerKeys(3).flatMap((key) => Array(4).fill(key)));
        expect(got.map(({ reconsumeTimes }) => reconsumeTimes)).toEqual(
          [0, 1, 2].flatMap(() => [0, 1, 2, 3]),
        );
        expect(await cell.messageCount(`%RETRY%${group}`)).toBe(0);
      },
    },
    {
      title: 'over maxReconsumeTimes it is a dead letter, and the queue goes on',
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        await cell.createTopic(1);
        const options = { topic, group, orderly: true, 'fail-times': 99, max: 2 };
        await using consumer = await client.consume(options);
        const sent = await other.produce({ topic, count: 2 });
        const deadLetters = `%DLQ%${group}`;
        await until(async () => (await cell.messageCount(deadLetters)) === 2, {
          timeoutMs: 60_000,
          what: `two messages in ${deadLetters}`,
        });
        await using reader = await other.consume({ topic: deadLetters, group: `${group}-letters` });
        const letters = await reader.distinct(2);
        expect(new Set(letters.map(({ msgId }) => msgId))).toEqual(
          new Set(sent.map(({ msgId }) => msgId)),
        );
        expect(await cell.messageCount(`%RETRY%${group}`)).toBe(0);
        const hasGo = isGo(client);
        const tries = hasGo ? [0, 1, 2, 3] : [0, 1, 2];
        expect(triesOf(consumer.messages)).toEqual([tries, tries]);
        if (!hasGo) return undefined;
        return 'The Go client tries once more than maxReconsumeTimes, when it consumes in order.';
      },
    },
    {
      title:
        'a consumer that leaves hands its queues over: in order, nothing missed, nothing twice',
      isSlow: true,
      run: (cell) => leaves(cell, cell.client),
    },
    {
      title: 'the same, when the one that takes over is a client of another make',
      isSlow: true,
      run: (cell) => leaves(cell, cell.other),
    },
    {
      isSlow: true,
      title: 'a killed consumer’s queues go to the other: in order, nothing missed',
      run: async (cell) => {
        await handsOver(cell, cell.client, (_consumer, client) => client.peer.kill());
      },
    },
  ],
};

async function leaves(cell: Cell, successor: Client): Promise<string | void> {
  const repeats = await handsOver(cell, successor, (consumer) => consumer.stop());
  if (cell.client.name === 'Millrace') return expect(repeats).toBe(0);
  if (isGo(cell.client)) {
    return 'The Go client does not report all it has consumed when a queue goes: messages come twice, in order.';
  }
  expect(repeats).toBeLessThanOrEqual(2 * QUEUE_COUNT);
  return 'The Java clients do not report what a listener has in hand when its queue goes: it may come twice.';
}

/** Returns how many messages came to both. */
async function handsOver(
  cell: Cell,
  successor: Client,
  leave: (consumer: Consumer, client: Client) => Promise<void>,
): Promise<number> {
  const { other, topic, group } = cell;
  await cell.createTopic(QUEUE_COUNT);
  const leaver = await cell.spare();
  const options = { topic, group, orderly: true, 'work-ms': 20 };
  const first = await leaver.consume(options);
  let sentCount = 0;
  const send = async (): Promise<void> => {
    await other.produce({ topic, count: 40, prefix: `r${sentCount}-` });
    sentCount += 40;
  };
  await send();
  await first.distinct(sentCount);
  await using second = await successor.consume(options);
  const keys = (): Set<string> =>
    new Set([...first.messages, ...second.messages].map(({ key }) => key));
  // A dead consumer's locks last 60 s, and the Go client looks for free ones every 20 s.
  const allArrived = (): Promise<unknown> =>
    second.gets(() => keys().size === sentCount, `all ${sentCount} messages`, 150_000);
  while (second.messages.length === 0) {
    await send();
    await allArrived();
  }
  await send();
  await leave(first, leaver);
  await send();
  await allArrived();
  let repeats = 0;
  for (let queueId = 0; queueId < QUEUE_COUNT; queueId++) {
    const turns = [...turnsOf(first, 'first'), ...turnsOf(second, 'second')]
      .filter((turn) => turn.queueId === queueId)
      .toSorted((a, b) => a.atMs - b.atMs);
    const { repeatCount, handoverCount } = followed(turns);
    repeats += repeatCount;
    // To the first, and from it to the second.
    expect(handoverCount).toBeLessThanOrEqual(2);
  }
  return repeats;
}

/** A message of a queue in somebody's hands. */
interface Turn {
  readonly who: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly atMs: number;
}

function turnsOf({ messages }: Consumer, who: string): Turn[] {
  return messages.map(({ queueId, queueOffset, atMs }) => ({ who, queueId, queueOffset, atMs }));
}

/** Checks that one queue was consumed in order and without a gap; counts what came again, and how often it moved. */
function followed(turns: readonly Turn[]): { repeatCount: number; handoverCount: number } {
  let next = 0;
  let handoverCount = 0;
  for (const [index, { who, queueOffset }] of turns.entries()) {
    const before = turns[index - 1];
    if (before?.who === who) expect(queueOffset).toBe(before.queueOffset + 1);
    else handoverCount += 1;
    expect(queueOffset).toBeLessThanOrEqual(next);
    next = Math.max(next, queueOffset + 1);
  }
  return { repeatCount: turns.length - next, handoverCount };
}

function isGo(client: Client): boolean {
  return client.name.startsWith('Go');
}

/** Every queue's messages came in the order of the queue. */
function expectInOrder(messages: readonly Got[]): void {
  const last = new Map<number, number>();
  for (const { queueId, queueOffset } of messages) {
    expect(queueOffset).toBeGreaterThan(last.get(queueId) ?? -1);
    last.set(queueId, queueOffset);
  }
}

/** reconsumeTimes of each key's tries, in order. */
function triesOf(messages: readonly Got[]): number[][] {
  const tries = new Map<string, number[]>();
  for (const { key, reconsumeTimes } of messages) {
    tries.set(key, [...(tries.get(key) ?? []), reconsumeTimes]);
  }
  return [...tries.values()];
}

function queuesOfShards(sent: readonly Sent[]): Set<string>[] {
  const queues = Array.from({ length: SHARD_COUNT }, () => new Set<string>());
  for (const [index, { queue }] of sent.entries()) queues[index % SHARD_COUNT]!.add(queue!);
  return queues;
}

/** String.hashCode of Java, and the queue SelectMessageQueueByHash makes of it. */
function javaQueueOf(key: string): string {
  let hash = 0;
  for (const char of key) hash = (Math.imul(hash, 31) + char.codePointAt(0)!) | 0;
  return `broker-a:${Math.abs(hash % QUEUE_COUNT)}`;
}
