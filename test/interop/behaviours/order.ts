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
        if (!cell.client.name.startsWith('Go')) return expect(chosen).toEqual(asJava);
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
        const isGo = client.name.startsWith('Go');
        const tries = isGo ? [0, 1, 2, 3] : [0, 1, 2];
        expect(triesOf(consumer.messages)).toEqual([tries, tries]);
        if (!isGo) return undefined;
        return 'The Go client tries once more than maxReconsumeTimes, when it consumes in order.';
      },
    },
    {
      title:
        'a consumer that leaves hands its queues over: in order, nothing missed, nothing twice',
      run: async (cell) => {
        const repeats = await handsOver(cell, (consumer) => consumer.stop());
        if (cell.client.name === 'Millrace') return expect(repeats).toBe(0);
        expect(repeats).toBeLessThanOrEqual(2 * QUEUE_COUNT);
        return 'Official clients do not report what a listener has in hand when its queue goes: it may come twice.';
      },
    },
    {
      isSlow: true,
      title: 'a killed consumer’s queues go to the other: in order, nothing missed',
      run: async (cell) => {
        await handsOver(cell, (_consumer, client) => client.peer.kill());
      },
    },
  ],
};

/** Returns how many messages came to both. */
async function handsOver(
  cell: Cell,
  leave: (consumer: Consumer, client: Client) => Promise<void>,
): Promise<number> {
  const { other, topic, group } = cell;
  await cell.createTopic(QUEUE_COUNT);
  const leaver = await cell.spare();
  const options = { topic, group, orderly: true, 'work-ms': 20 };
  const first = await leaver.consume(options);
  await using second = await cell.client.consume(options);
  let sentCount = 0;
  const send = async (): Promise<void> => {
    await other.produce({ topic, count: 40, prefix: `r${sentCount}-` });
    sentCount += 40;
  };
  const keys = (): Set<string> =>
    new Set([...first.messages, ...second.messages].map(({ key }) => key));
  const allArrived = (): Promise<unknown> =>
    second.gets(() => keys().size === sentCount, `all ${sentCount} messages`);
  while (first.messages.length === 0 || second.messages.length === 0) {
    await send();
    await allArrived();
  }
  await send();
  await leave(first, leaver);
  await send();
  await allArrived();
  let repeats = 0;
  for (let queueId = 0; queueId < QUEUE_COUNT; queueId++) {
    const before = offsetsOf(first, queueId);
    const after = offsetsOf(second, queueId);
    expect(before).toEqual(before.map((_, index) => index));
    const start = after[0]!;
    expect(after).toEqual(after.map((_, index) => start + index));
    expect(start).toBeLessThanOrEqual(before.length);
    repeats += before.length - start;
  }
  return repeats;
}

function offsetsOf({ messages }: Consumer, queueId: number): number[] {
  return messages
    .filter((message) => message.queueId === queueId)
    .map(({ queueOffset }) => queueOffset);
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
