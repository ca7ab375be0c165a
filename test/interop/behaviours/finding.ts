import { expect } from '@jest/globals';
import { until } from '../../support/deadline.ts';
import type { Absence, Behaviours, Cell } from '../support/cell.ts';
import type { Got, Sent } from '../support/client.ts';

const absent: readonly Absence[] = [
  { client: /^Go/, why: 'The Go client v2.1.2 asks for no message by key, by id or by time.' },
];

export const finding: Behaviours = {
  heading: 'Finding: another sends, the client asks the broker for a message',
  behaviours: [
    {
      title: 'by a key: the messages that have it, of whatever queue, and no other',
      absent,
      run: async (cell) => {
        const sent = await sentMessages(cell, 8);
        const found = await finds(cell, { key: 'k3' }, 1);
        expect(found.map(placeOf)).toEqual([placeOf(sent[3]!)]);
        expect(found[0]).toMatchObject({ key: 'k3', tags: 'TagA', msgId: sent[3]!.msgId });
        await cell.other.produce({ topic: cell.topic, count: 4 });
        expect((await finds(cell, { key: 'k3' }, 2)).map(({ key }) => key)).toEqual(['k3', 'k3']);
      },
    },
    {
      title: 'by a key in a range of time, both ends included',
      absent,
      run: async (cell) => {
        await sentMessages(cell, 1);
        const [message] = await finds(cell, { key: 'k0' }, 1);
        const stored = await storeTimeOf(cell, message!);
        const { client, cluster, topic } = cell;
        const isOurs = cluster.name === 'Millrace';
        const begin = isOurs ? stored : stored - 1000;
        expect(await finds(cell, { key: 'k0', begin, end: stored }, 1)).toHaveLength(1);
        for (const range of [{ end: stored - 2000 }, { begin: stored + 1 }]) {
          expect(await client.find({ topic, key: 'k0', ...range })).toEqual([]);
        }
        if (isOurs) return undefined;
        return 'Brokers of the original go by whole seconds from the first message of an index file on.';
      },
    },
    {
      title: 'by the id its producer gave it',
      absent,
      run: async (cell) => {
        const sent = await sentMessages(cell, 3);
        const found = await finds(cell, { id: sent[1]!.msgId! }, 1);
        expect(found.map(placeOf)).toEqual([placeOf(sent[1]!)]);
      },
    },
    {
      title: 'by the id of the place it is stored at',
      absent,
      run: async (cell) => {
        const sent = await sentMessages(cell, 3);
        const found = await finds(cell, { id: sent[2]!.offsetMsgId! }, 1);
        expect(found.map(placeOf)).toEqual([placeOf(sent[2]!)]);
      },
    },
    {
      title: 'that is not there: none is found',
      absent,
      run: async (cell) => {
        await sentMessages(cell, 1);
        await finds(cell, { key: 'k0' }, 1);
        expect(await cell.client.find({ topic: cell.topic, key: 'nowhere' })).toEqual([]);
        expect(await cell.client.find({ topic: cell.topic, key: 'k' })).toEqual([]);
      },
    },
    {
      title: 'and for the offset of a time, to the millisecond, and the time of the first message',
      absent,
      run: async (cell) => {
        const { client, topic, cluster } = cell;
        const [first] = await sentMessages(cell, 1, 1);
        await cell.other.produce({ topic, count: 3 });
        const queue = first!.queue!;
        const [firstStored, lastStored] = await until(
          async () => {
            const stored: number[] = [];
            for await (const { storeTimestamp } of cluster.admin.messagesByTime(topic)) {
              stored.push(storeTimestamp);
            }
            return stored.length === 4 ? [stored[0]!, stored[3]!] : undefined;
          },
          { timeoutMs: 30_000, pollMs: 100, what: 'all four messages' },
        );
        const ask = (timestamp: number): Promise<{ offset: number; earliestMs: number }> =>
          client.search({ topic, queue, timestamp });
        expect(await ask(firstStored)).toEqual({ offset: 0, earliestMs: firstStored });
        expect((await ask(lastStored + 1)).offset).toBe(4);
        expect((await ask(firstStored - 1)).offset).toBe(0);
      },
    },
  ],
};

async function sentMessages(cell: Cell, count: number, queueCount = 4): Promise<Sent[]> {
  await cell.createTopic(queueCount);
  return await cell.other.produce({ topic: cell.topic, count });
}

/** Brokers of the original index what they have acknowledged a moment later. */
async function finds(
  { client, topic }: Cell,
  what: Record<string, string | number>,
  count: number,
): Promise<readonly Got[]> {
  return await until(
    async () => {
      const found = await client.find({ topic, ...what });
      return found.length >= count ? found : undefined;
    },
    { timeoutMs: 30_000, pollMs: 200, what: `${count} messages by ${JSON.stringify(what)}` },
  );
}

function placeOf(message: Sent | Got): string {
  return message.offsetMsgId!;
}

async function storeTimeOf({ cluster }: Cell, { offsetMsgId }: Got): Promise<number> {
  return (await cluster.admin.viewMessage(offsetMsgId))!.storeTimestamp;
}
