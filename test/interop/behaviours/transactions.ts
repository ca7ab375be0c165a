import { expect } from '@jest/globals';
import { until } from '../../support/deadline.ts';
import type { Behaviours, Cell } from '../support/cell.ts';
import type { Transactions } from '../support/client.ts';

/** transactionCheckMax, as both brokers have it unless told otherwise. */
const CHECK_MAX = 15;

export const transactions: Behaviours = {
  heading: 'Transactions: the client’s local transaction decides',
  behaviours: [
    { title: 'nothing is visible before the commit; committed, it arrives once', run: commits },
    {
      title: 'rolled back, it never arrives',
      run: async (cell) => {
        const { topic, group } = cell;
        await cell.createTopic(1);
        await using producer = await cell.transactions();
        const open = await producer.halfSent(topic, `${group}-back`);
        await open.decide('ROLLBACK_MESSAGE');
        await expectOnlyMarker(cell);
      },
    },
    {
      title: 'unknown: the broker checks back until the answer is commit, and it arrives once',
      run: async (cell) => {
        const { other, topic, group } = cell;
        await cell.createTopic(1);
        await using producer = await cell.transactions();
        const key = `${group}-later`;
        const open = await producer.halfSent(topic, key);
        await open.decide('UNKNOW');
        const [, transactionId] = await producer.checked(key);
        expect(transactionId).toBe(open.transactionId);
        expect(await cell.messageCount(topic)).toBe(0);
        await producer.answer(key, 'COMMIT_MESSAGE');
        await using consumer = await other.consume({ topic, group: `${group}-reads` });
        await consumer.distinct(1);
        await expectOnlyMarker(cell, [key]);
      },
    },
    {
      title: 'unknown: the check-back’s answer is rollback, and it never arrives',
      run: async (cell) => {
        const { topic, group } = cell;
        await cell.createTopic(1);
        await using producer = await cell.transactions();
        const key = `${group}-never`;
        await producer.answer(key, 'ROLLBACK_MESSAGE');
        const open = await producer.halfSent(topic, key);
        await open.decide('UNKNOW');
        await producer.checked(key);
        await expectOnlyMarker(cell);
      },
    },
    {
      title: 'no check-back within its CHECK_IMMUNITY_TIME_IN_SECONDS',
      run: async (cell) => {
        const { topic, group } = cell;
        await cell.createTopic(1);
        await using producer = await cell.transactions();
        const key = `${group}-immune`;
        await producer.answer(key, 'COMMIT_MESSAGE');
        const startedMs = Date.now();
        const open = await producer.halfSent(topic, key, { immunity: 8 });
        await open.decide('UNKNOW');
        await producer.checked(key);
        expect(Date.now() - startedMs).toBeGreaterThanOrEqual(8_000);
        await expectOnlyMarker(cell, [key]);
      },
    },
    {
      title: 'asked transactionCheckMax times in vain, it is given up, where an operator finds it',
      isSlow: true,
      run: async (cell) => {
        await cell.createTopic(1);
        await using producer = await cell.transactions();
        await givenUp(cell, producer);
        await expectOnlyMarker(cell);
      },
    },
    {
      title: 'given up and resumed by Millrace’s admin, it is checked back again, and commits',
      isSlow: true,
      run: async (cell) => {
        const { admin } = cell.cluster;
        await cell.createTopic(1);
        await using producer = await cell.transactions();
        const key = await givenUp(cell, producer);
        await producer.answer(key, 'COMMIT_MESSAGE');
        const discarded = await admin.discardedTransactions();
        const mine = discarded.filter(({ keys }) => keys.includes(key));
        expect(mine).toHaveLength(1);
        await admin.resumeTransaction(mine[0]!.offsetMsgId);
        await producer.checked(key, CHECK_MAX + 1);
        await until(async () => (await cell.messageCount(cell.topic)) > 0, {
          timeoutMs: 30_000,
          what: 'the committed message',
        });
        await expectOnlyMarker(cell, [key]);
      },
    },
    {
      title:
        'when the producer has left, the check-back goes to another of its group, of another make',
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        await cell.createTopic(1);
        const key = `${group}-left`;
        const first = await cell.transactions();
        const open = await first.halfSent(topic, key);
        await open.decide('UNKNOW');
        await first.stop();
        await using second = await cell.transactions(other);
        await second.answer(key, 'COMMIT_MESSAGE');
        const [, transactionId] = await second.checked(key);
        expect(transactionId).toBe(open.transactionId);
        await using consumer = await client.consume({ topic, group: `${group}-reads` });
        await consumer.distinct(1);
      },
    },
    {
      title: 'answers the check-back for a half message that another producer of its group sent',
      run: async (cell) => {
        const { other, topic, group } = cell;
        await cell.createTopic(1);
        const key = `${group}-theirs`;
        const first = await cell.transactions(other);
        const open = await first.halfSent(topic, key);
        await open.decide('UNKNOW');
        await first.stop();
        await using second = await cell.transactions();
        await second.answer(key, 'COMMIT_MESSAGE');
        const [, transactionId] = await second.checked(key);
        expect(transactionId).toBe(open.transactionId);
        await using consumer = await other.consume({ topic, group: `${group}-reads` });
        await consumer.distinct(1);
      },
    },
  ],
};

/** Leaves a transaction open until the broker has given it up, and returns its key. */
async function givenUp(cell: Cell, producer: Transactions): Promise<string> {
  const { other, topic, group } = cell;
  const key = `${group}-vain`;
  const open = await producer.halfSent(topic, key);
  await open.decide('UNKNOW');
  await producer.checked(key, CHECK_MAX);
  const discarded = { topic: 'TRANS_CHECK_MAX_TIME_TOPIC', group: `${group}-operator` };
  await using operator = await other.consume(discarded);
  await operator.gets((all) => all.some((message) => message.key === key), key);
  return key;
}

export async function commits(cell: Cell): Promise<void> {
  const { other, topic, group } = cell;
  await cell.createTopic(1);
  await using consumer = await other.consume({ topic, group: `${group}-reads` });
  await using producer = await cell.transactions();
  const key = `${group}-commit`;
  // While it is open it may be checked back, and that does not settle it.
  const open = await producer.halfSent(topic, key);
  expect(await cell.messageCount(topic)).toBe(0);
  const { status, msgId, state } = await open.decide('COMMIT_MESSAGE');
  expect({ status, state }).toEqual({ status: 'SEND_OK', state: 'COMMIT_MESSAGE' });
  const [message] = await consumer.distinct(1);
  expect(message).toMatchObject({ key, msgId, topic, tags: 'TagA', reconsumeTimes: 0 });
  await expectOnlyMarker(cell, [key]);
}

/** What is sent now comes right behind `before`: the topic's one queue has nothing else. */
async function expectOnlyMarker(cell: Cell, before: readonly string[] = []): Promise<void> {
  const { other, topic, group } = cell;
  // A producer that has said "commit" has not been heard yet: it says so oneway.
  await until(async () => (await cell.messageCount(topic)) >= before.length, {
    timeoutMs: 60_000,
    what: `${before.length} messages in ${topic}`,
  });
  await other.produce({ topic, prefix: 'marker' });
  await using consumer = await other.consume({ topic, group: `${group}-marker` });
  const received = await consumer.distinct(before.length + 1);
  const inOrder = received.toSorted((a, b) => a.queueOffset - b.queueOffset);
  expect(inOrder.map(({ key }) => key)).toEqual([...before, 'marker0']);
  expect(await cell.messageCount(topic)).toBe(before.length + 1);
}
