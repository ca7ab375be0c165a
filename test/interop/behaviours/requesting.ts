import { expect } from '@jest/globals';
import type { Behaviours, Cell } from '../support/cell.ts';
import type { Client } from '../support/client.ts';
import { peerKeys } from '../support/peer-messages.ts';

const ourSplitter = {
  client: /^(?:Java|Go)/,
  why: 'The official clients leave the splitting of batches to their callers.',
};

export const requesting: Behaviours = {
  heading: 'Requests and replies, and where a message goes',
  behaviours: [
    {
      title: 'a request brings the reply that another client sends',
      run: (cell) => asks(cell, cell.client, cell.other),
    },
    {
      title: 'a reply reaches another client that asked for it',
      run: (cell) => asks(cell, cell.other, cell.client),
    },
    {
      title: 'a request that nobody replies to ends when its time is over, and is stored',
      run: asksNobody,
    },
    { title: 'a message for a chosen queue is there', run: sendsToChosenQueue },
    {
      title: 'a list of messages, split into batches that fit, arrives whole and in order',
      absent: [ourSplitter],
      run: sendsSplit,
    },
  ],
};

async function asks(cell: Cell, requester: Client, replier: Client): Promise<string | void> {
  const { topic, group } = cell;
  await cell.createTopic(1);
  await using replying = await replier.reply({ topic, group });
  // A message that asks for nothing: it cannot be replied to, which shows that the replier consumes. Not of the requester:
  // Java makes itself known to the brokers of a topic by a request only if that is the first it sends there.
  await replier.produce({ topic, prefix: 'plain' });
  const { command } = replying;
  await command.until(() => command.all('REFUSED').length > 0, 'the plain message');
  let limit: string | undefined;
  if (requester.name.startsWith('Go')) limit = await unheardOf(requester, topic);
  for (const key of ['first', 'second']) {
    const reply = await requester.request({ topic, key });
    if ('code' in reply) throw new Error(`${reply.sentence}; ${command.said()}`);
    expect(reply).toEqual({
      topic: expect.stringMatching(/_REPLY_TOPIC$/) as unknown,
      body: `reply to ${key}`,
    });
  }
  const sent = (): (string | undefined)[] =>
    command
      .all('SENT')
      .filter(([key]) => key === 'first' || key === 'second')
      .map(([, status]) => status);
  await command.until(() => sent().length >= 2, 'two replies of the replier');
  expect(sent()).toEqual(['SEND_OK', 'SEND_OK']);
  return limit;
}

/** Asks until the broker has heard of the client, at most for the time between two of its heartbeats and some more. */
async function unheardOf(requester: Client, topic: string): Promise<string | undefined> {
  for (let attempt = 1; attempt <= 30; attempt++) {
    const reply = await requester.request({ topic, key: `early-${attempt}`, timeout: 2_000 });
    if ('code' in reply) continue;
    return attempt === 1
      ? undefined
      : 'The Go client asks before its broker knows it: until its next heartbeat, 30 s at most, no reply reaches it.';
  }
  throw new Error(`${requester.name} got no reply to 30 requests`);
}

async function asksNobody(cell: Cell): Promise<void> {
  const { client, topic } = cell;
  await cell.createTopic(1);
  const startedAtMs = Date.now();
  const outcome = await client.request({ topic, key: 'k', timeout: 3_000 });
  expect(outcome).toHaveProperty('code');
  expect(Date.now() - startedAtMs).toBeGreaterThanOrEqual(2_500);
  expect(await cell.messageCount(topic)).toBe(1);
}

async function sendsToChosenQueue(cell: Cell): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic(4);
  const sent = await client.produce({ topic, count: 6, queue: 'broker-a:2' });
  expect(new Set(sent.map(({ queue }) => queue))).toEqual(new Set(['broker-a:2']));
  await using consumer = await other.consume({ topic, group });
  const received = await consumer.distinct(6);
  expect(new Set(received.map(({ queueId }) => queueId))).toEqual(new Set([2]));
}

async function sendsSplit(cell: Cell): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic(1);
  const options = { topic, count: 50, size: 2_000, mode: 'split', limit: 16_384 };
  const acks = await client.produce(options);
  expect(acks.length).toBeGreaterThan(5);
  await using consumer = await other.consume({ topic, group });
  const received = await consumer.distinct(50);
  const inOrder = received.toSorted((a, b) => a.queueOffset - b.queueOffset);
  expect(inOrder.map(({ key }) => key)).toEqual(peerKeys(50));
}
