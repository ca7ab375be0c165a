import { expect } from '@jest/globals';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { until } from '../../support/deadline.ts';
import type { Behaviours, Cell } from '../support/cell.ts';
import type { Got } from '../support/client.ts';
import { delayOfLevelMs } from '../support/delay-levels.ts';
import type { Fate } from '../support/middleman.ts';

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
      title: 'the limit set for its group on the broker counts when the consumer has none',
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        await cell.createTopic(1);
        await cell.cluster.admin.updateSubscriptionGroup({
          consumerGroup: group,
          retryMaxTimes: 1,
        });
        const isOurs = client.name === 'Millrace';
        const failTimes = isOurs ? 99 : 2;
        await using consumer = await client.consume({ topic, group, 'fail-times': failTimes });
        const [sent] = await other.produce({ topic });
        if (isOurs) return await expectDeadLetter(cell, group, sent!.msgId!);
        await consumer.gets(({ length }) => length >= 3, 'a third try');
        return 'Official consumers always name a limit, 16 unless set, and brokers follow it.';
      },
    },
    {
      title: 'the limit a message carries counts (MAX_RECONSUME_TIMES)',
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        await cell.createTopic(1);
        const isOurs = client.name === 'Millrace';
        const failTimes = isOurs ? 99 : 2;
        await using consumer = await client.consume({ topic, group, 'fail-times': failTimes });
        const [sent] = await other.produce({ topic, property: 'MAX_RECONSUME_TIMES:1' });
        if (isOurs) return await expectDeadLetter(cell, group, sent!.msgId!);
        await consumer.gets(({ length }) => length >= 3, 'a third try');
        return 'Official consumers do not read the limit of a message.';
      },
    },
    {
      title: 'a listener that throws: the message comes again',
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        await cell.createTopic(1);
        await using consumer = await client.consume({
          topic,
          group,
          'fail-times': 1,
          throws: true,
        });
        await other.produce({ topic });
        const [, again] = await consumer.gets(({ length }) => length >= 2, 'a second try');
        expect(again!.reconsumeTimes).toBe(1);
      },
    },
    {
      isSlow: true,
      title: 'a listener that hangs: after the consume timeout the message comes again',
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        await cell.createTopic(1);
        await using consumer = await client.consume({ topic, group, 'hang-times': 1 });
        await other.produce({ topic });
        const [, again] = await consumer.gets(({ length }) => length >= 2, 'a second try', 180_000);
        expect(again!.reconsumeTimes).toBe(1);
      },
    },
    {
      title: 'the broker refuses to take a message back: the consumer sends the retry itself',
      run: (cell) => retriesWithoutBroker(cell, 'refuse'),
    },
    {
      title: 'the connection breaks when a message goes back: the consumer sends the retry itself',
      run: (cell) => retriesWithoutBroker(cell, 'drop'),
    },
    {
      title: 'reads the dead letters of a group',
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        await cell.createTopic(1);
        const failing = await other.consume({ topic, group, 'fail-times': 99, level: -1 });
        const [sent] = await other.produce({ topic });
        await deadLetters(cell, 1);
        await failing.stop();
        const options = { topic: `%DLQ%${group}`, group: `${group}-reads` };
        await using consumer = await client.consume(options);
        const [letter] = await consumer.distinct(1);
        expect(letter).toMatchObject({ key: sent!.key, msgId: sent!.msgId });
      },
    },
    {
      title: 'gets its dead letters again when Millrace’s admin redrives them, with topic and id',
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        const { admin } = cell.cluster;
        await cell.createTopic(1);
        await using consumer = await client.consume({ topic, group, 'fail-times': 1, level: -1 });
        const sent = await other.produce({ topic, count: 3 });
        await deadLetters(cell, 3);
        const letters = await admin.dlq(group);
        expect(letters.map(({ msgId }) => msgId).toSorted()).toEqual(
          sent.map(({ msgId }) => msgId!).toSorted(),
        );
        const results = await admin.redriveDlq(group, 'all');
        expect(results.map(({ status }) => status)).toEqual(['REDRIVEN', 'REDRIVEN', 'REDRIVEN']);
        const got = await consumer.gets(({ length }) => length >= 6, 'three messages again');
        const again = got.slice(3);
        expect(new Set(again.map(({ msgId }) => msgId))).toEqual(
          new Set(sent.map(({ msgId }) => msgId)),
        );
        for (const message of again) expect(message).toMatchObject({ topic, reconsumeTimes: 0 });
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

async function retriesWithoutBroker(cell: Cell, fate: Fate): Promise<string | void> {
  const { other, topic, group } = cell;
  await cell.createTopic(1);
  let timesAsked = 0;
  const client = await cell.through(({ code }) => {
    if (code !== RequestCode.CONSUMER_SEND_MSG_BACK) return 'pass';
    timesAsked += 1;
    return fate;
  });
  await using consumer = await client.consume({ topic, group, 'fail-times': 1 });
  const [sent] = await other.produce({ topic });
  if (client.name.startsWith('Go') && fate === 'refuse') {
    await until(() => timesAsked > 0, { timeoutMs: 60_000, what: 'the message on its way back' });
    await cell.caughtUp();
    expect(consumer.messages).toHaveLength(1);
    return 'The Go client does not read the broker’s answer: a message that is not taken back is lost.';
  }
  const retryCount = (): Promise<number> => cell.messageCount(`%RETRY%${group}`);
  if (client.name.startsWith('Go')) {
    // Counted or not: a broker that misses the connection takes the queue away, and it is fetched anew.
    await consumer.gets(({ length }) => length >= 2, 'a second try');
    expect(await retryCount()).toBe(0);
    return 'The Go client sends no retries: it keeps the message and tries again after 5 s.';
  }
  const isRetry = ({ reconsumeTimes }: Got): boolean => reconsumeTimes === 1;
  const tries = await consumer.gets((all) => all.some(isRetry), 'a second try');
  expect(timesAsked).toBeGreaterThan(0);
  expect(tries.find(isRetry)).toMatchObject({ topic, key: sent!.key, msgId: sent!.msgId });
  expect(await retryCount()).toBe(1);
  expectBackOff([tries[0]!, tries.find(isRetry)!]);
}

async function deadLetters(cell: Cell, count: number): Promise<void> {
  const topic = `%DLQ%${cell.group}`;
  await until(async () => (await cell.messageCount(topic)) === count, {
    timeoutMs: 60_000,
    what: `${count} messages in ${topic}`,
  });
}

async function expectDeadLetter(cell: Cell, group: string, msgId: string): Promise<void> {
  await deadLetters(cell, 1);
  const options = { topic: `%DLQ%${group}`, group: `${group}-letters` };
  await using reader = await cell.other.consume(options);
  const [letter] = await reader.distinct(1);
  expect(letter!.msgId).toBe(msgId);
}
