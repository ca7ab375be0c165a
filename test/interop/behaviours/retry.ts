import { expect } from '@jest/globals';
import { until } from '../../support/deadline.ts';
import type { Behaviours, Cell } from '../support/cell.ts';
import type { Got } from '../support/client.ts';
import { delayOfLevelMs } from '../support/delay-levels.ts';

export const retry: Behaviours = {
  heading: 'Retry and dead letters: the client consumes and fails',
  behaviours: [
    {
      title: 'a failed message comes again after its back-off, with its count, topic and id',
      run: redelivers,
    },
    {
      title: 'the listener chooses the delay level of the next try',
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        await cell.createTopic(1);
        await using consumer = await client.consume({ topic, group, 'fail-times': 1, level: 4 });
        await other.produce({ topic });
        const [first, second] = await consumer.gets(({ length }) => length >= 2, 'a second try');
        expect(second!.atMs - first!.atMs).toBeGreaterThanOrEqual(delayOfLevelMs(4));
      },
    },
    {
      title: 'over the consumer’s maxReconsumeTimes it is a dead letter, and comes no more',
      run: async (cell) => {
        const { client, topic, group } = cell;
        await cell.createTopic(1);
        await using consumer = await client.consume({ topic, group, 'fail-times': 99, max: 1 });
        const [sent] = await cell.other.produce({ topic });
        await expectDeadLetter(cell, group, sent!.msgId!);
        expect(consumer.messages.map(({ reconsumeTimes }) => reconsumeTimes)).toEqual([0, 1]);
      },
    },
    {
      title: 'the listener makes it a dead letter at once (level −1)',
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        await cell.createTopic(1);
        await using consumer = await client.consume({ topic, group, 'fail-times': 99, level: -1 });
        const [sent] = await other.produce({ topic });
        await expectDeadLetter(cell, group, sent!.msgId!);
        expect(consumer.messages).toHaveLength(1);
      },
    },
    {
      title: 'reads the dead letters of a group',
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        await cell.createTopic(1);
        const failing = await other.consume({ topic, group, 'fail-times': 99, max: 0 });
        const [sent] = await other.produce({ topic });
        await until(async () => (await cell.messageCount(`%DLQ%${group}`)) === 1, {
          timeoutMs: 60_000,
          what: `one dead letter of ${group}`,
        });
        await failing.stop();
        await using consumer = await client.consume({
          topic: `%DLQ%${group}`,
          group: `${group}-reads`,
        });
        const [letter] = await consumer.distinct(1);
        expect(letter).toMatchObject({ key: sent!.key, msgId: sent!.msgId });
      },
    },
  ],
};

export async function redelivers(cell: Cell): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic(1);
  await using consumer = await client.consume({ topic, group, 'fail-times': 2 });
  const [sent] = await other.produce({ topic });
  const tries = await consumer.gets(({ length }) => length >= 3, 'a third try');
  expect(tries.map(({ reconsumeTimes }) => reconsumeTimes)).toEqual([0, 1, 2]);
  for (const { key, msgId, topic: seenTopic } of tries) {
    expect({ key, msgId, topic: seenTopic }).toEqual({ key: sent!.key, msgId: sent!.msgId, topic });
  }
  expectBackOff(tries);
}

/** The first retry comes at level 3, each further one a level higher. */
function expectBackOff(tries: readonly Got[]): void {
  for (const [index, { atMs }] of tries.slice(1).entries()) {
    expect(atMs - tries[index]!.atMs).toBeGreaterThanOrEqual(delayOfLevelMs(3 + index));
  }
}

async function expectDeadLetter(cell: Cell, group: string, msgId: string): Promise<void> {
  const topic = `%DLQ%${group}`;
  await until(async () => (await cell.messageCount(topic)) === 1, {
    timeoutMs: 60_000,
    what: `one message in ${topic}`,
  });
  await using reader = await cell.other.consume({ topic, group: `${group}-letters` });
  const [letter] = await reader.distinct(1);
  expect(letter!.msgId).toBe(msgId);
}
