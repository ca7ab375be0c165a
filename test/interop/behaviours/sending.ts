import { expect } from '@jest/globals';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { until } from '../../support/deadline.ts';
import type { Behaviours, Cell } from '../support/cell.ts';
import type { Client, Got, RefusedSend, Sent } from '../support/client.ts';
import { peerBodyCrc32, peerKeys } from '../support/peer-messages.ts';

export const sending: Behaviours = {
  heading: 'Sending: the client sends, another consumes',
  behaviours: [
    {
      title: 'one by one: each arrives once, with the id, queue and offset the sender was told',
      run: (cell) => sendsEach(cell, 'sync'),
    },
    { title: 'asynchronously: the same', run: (cell) => sendsEach(cell, 'async') },
    { title: 'oneway: each arrives once', run: (cell) => sendsEach(cell, 'oneway') },
    { title: 'a batch lands in one queue, in order', run: sendsBatch },
    {
      title: 'a batch with a delay is refused, and nothing of it is stored',
      run: async (cell) => {
        const { client, topic } = cell;
        await cell.createTopic(1);
        const batch = { topic, count: 3, mode: 'batch', level: 1 };
        if (!client.name.startsWith('Go') || cell.cluster.name === 'Millrace') {
          await client.refusedProduce(batch);
          return expect(await cell.messageCount(topic)).toBe(0);
        }
        await client.produce(batch);
        await until(async () => (await cell.messageCount(topic)) === 3, { what: 'the batch' });
        return 'The Go client sends such a batch, and RocketMQ stores it without its delay.';
      },
    },
    {
      title: 'a large body travels compressed and arrives as it was',
      run: async (cell) => {
        await cell.createTopic();
        await using consumer = await cell.other.consume({ topic: cell.topic, group: cell.group });
        await cell.client.produce({ topic: cell.topic, count: 3, size: 20_000 });
        const received = await consumer.distinct(3);
        for (const { key, bodySize, bodyCrc32 } of received) {
          expect({ bodySize, bodyCrc32 }).toEqual({
            bodySize: 20_000,
            bodyCrc32: peerBodyCrc32(key, 20_000),
          });
        }
      },
    },
    {
      title: 'the connection ends before a send is answered: the client sends the message again',
      isSlow: true,
      run: sendsAgain,
    },
  ],
};

export async function sendsEach(cell: Cell, mode: 'sync' | 'async' | 'oneway'): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic();
  const sent = await client.produce({ topic, count: 20, mode });
  expect(sent.map(({ key }) => key).toSorted()).toEqual(peerKeys(20).toSorted());
  await using consumer = await other.consume({ topic, group });
  const received = await consumer.distinct(20);
  expect(received).toHaveLength(20);
  for (const message of received) {
    expect(message).toMatchObject({ topic, tags: 'TagA', origin: client.peer.kind.origin });
    expect(message.bodyCrc32).toBe(peerBodyCrc32(message.key));
    const ack = sent.find(({ key }) => key === message.key)!;
    if (ack.status !== 'ONEWAY') expectToldPlace(message, ack);
  }
}

function expectToldPlace(message: Got, ack: Sent): void {
  expect(ack.status).toBe('SEND_OK');
  expect(message.msgId).toBe(ack.msgId);
  expect(message.offsetMsgId).toBe(ack.offsetMsgId);
  expect(`broker-a:${message.queueId}`).toBe(ack.queue);
  expect(message.queueOffset).toBe(ack.queueOffset);
}

export async function sendsBatch(cell: Cell): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic();
  const [ack] = await client.produce({ topic, count: 10, mode: 'batch' });
  expect(ack!.status).toBe('SEND_OK');
  await using consumer = await other.consume({ topic, group });
  const received = await consumer.distinct(10);
  const inOrder = received.toSorted((a, b) => a.queueOffset - b.queueOffset);
  expect(inOrder.map(({ key }) => key)).toEqual(peerKeys(10));
  expect(new Set(inOrder.map(({ queueId }) => `broker-a:${queueId}`))).toEqual(
    new Set([ack!.queue]),
  );
  expect(inOrder[0]!.queueOffset).toBe(ack!.queueOffset);
}

async function sendsAgain(cell: Cell): Promise<string | void> {
  const { topic } = cell;
  await cell.createTopic();
  let asked = 0;
  const client = await cell.through(({ code }) => {
    if (code !== RequestCode.SEND_MESSAGE && code !== RequestCode.SEND_MESSAGE_V2) return 'pass';
    asked += 1;
    return asked === 2 ? 'drop' : 'pass';
  });
  const { sent, refused } = await client.tryProduce({ topic, count: 3 });
  const limit = expectTimedOutAtMostOnce(client, refused);
  // Java 4.9.8 counts in whole milliseconds: with none left it may ask once more, and not wait for the answer.
  expect(limit === undefined ? [4] : [3, 4]).toContain(asked);
  expect([...sent, ...refused].map(({ key }) => key).toSorted()).toEqual(peerKeys(3));
  expect(sent.length).toBeLessThanOrEqual(asked - 1);
  await until(async () => (await cell.messageCount(topic)) === asked - 1, {
    what: `${asked - 1} messages in ${topic}`,
  });
  return limit;
}

/**
 * No send of any client may have failed; of those that do not notice the end of a connection, one with its own
 * timeout. Returns that limit.
 */
export function expectTimedOutAtMostOnce(
  client: Client,
  refused: readonly RefusedSend[],
): string | undefined {
  if (!client.name.startsWith('Java 4')) {
    expect(refused).toEqual([]);
    return undefined;
  }
  expect(refused.length).toBeLessThanOrEqual(1);
  for (const { sentence } of refused) expect(sentence).toBe('sendDefaultImpl call timeout');
  return 'Java 4.9.8 does not heed a FIN: a send under way on a connection that ends so waits for its timeout, and fails with it. It may have been stored.';
}
