import { expect } from '@jest/globals';
import type { Behaviours, Cell } from '../support/cell.ts';
import { peerBodyCrc32, peerKeys } from '../support/peer-messages.ts';

export const consuming: Behaviours = {
  heading: 'Consuming: another sends, the client consumes',
  behaviours: [
    { title: 'small, large and batched messages, each once', run: consumesEach },
    {
      title: 'only the tags it subscribed to',
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        await cell.createTopic();
        await using consumer = await client.consume({ topic, group, tags: 'Paid || Closed' });
        await other.produce({ topic, count: 20, tags: 'Paid,Created,Closed,Refunded' });
        const received = await consumer.distinct(10);
        expect(new Set(received.map(({ tags }) => tags))).toEqual(new Set(['Paid', 'Closed']));
        expect(received).toHaveLength(10);
      },
    },
    {
      title: 'goes on where its group left off',
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        await cell.createTopic();
        const consumeAll = async (count: number): Promise<string[]> => {
          await using consumer = await client.consume({ topic, group });
          const received = await consumer.distinct(count);
          await cell.caughtUp();
          return received.map(({ key }) => key).toSorted();
        };
        await other.produce({ topic, count: 8, prefix: 'first' });
        expect(await consumeAll(8)).toEqual(peerKeys(8, 'first'));
        await other.produce({ topic, count: 8, prefix: 'second' });
        expect(await consumeAll(8)).toEqual(peerKeys(8, 'second'));
      },
    },
    { title: 'shares a group with another client, and no message is missed', run: sharesGroup },
  ],
};

export async function consumesEach(cell: Cell): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic();
  await using consumer = await client.consume({ topic, group });
  await other.produce({ topic, count: 10, prefix: 'small' });
  await other.produce({ topic, count: 5, prefix: 'large', size: 30_000 });
  await other.produce({ topic, count: 10, prefix: 'batch', mode: 'batch' });
  const received = await consumer.distinct(25);
  expect(received).toHaveLength(25);
  const { origin } = other.peer.kind;
  for (const { key, bodySize, bodyCrc32, ...message } of received) {
    expect(message).toMatchObject({ topic, origin, reconsumeTimes: 0 });
    expect(bodyCrc32).toBe(peerBodyCrc32(key, bodySize));
  }
}

/** Both must come to the same allocation of queues. */
async function sharesGroup(cell: Cell): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic(8);
  await using one = await client.consume({ topic, group });
  await using another = await other.consume({ topic, group });
  const sent: string[] = [];
  while (one.messages.length < 20 || another.messages.length < 20) {
    const prefix = `r${sent.length}-`;
    await other.produce({ topic, count: 20, prefix });
    sent.push(...peerKeys(20, prefix));
    if (sent.length >= 5_000) throw new Error(`one got nothing of ${sent.length} messages`);
  }
  const keys = (): Set<string> =>
    new Set([...one.messages, ...another.messages].map(({ key }) => key));
  await one.gets(() => keys().size >= sent.length, 'every message, by one or the other');
  expect(keys()).toEqual(new Set(sent));
}
