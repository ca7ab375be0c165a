import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Admin,
  Producer,
  PushConsumer,
  type Message,
  type MessageListener,
  type PushConsumerOptions,
} from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { until, within } from '../../support/deadline.ts';

const MINUTE = 60_000;

let mq: TestBroker;
let producer: Producer;
const running: AsyncDisposable[] = [];

beforeEach(async () => {
  mq = await testBroker({ timeoutMs: 15_000 });
  await mq.createTopic('T', 2);
  producer = new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'test' });
  running.push(producer);
});
afterEach(async () => {
  for (const client of running.splice(0)) await client[Symbol.asyncDispose]();
  await mq.close();
});

async function send(...bodies: string[]): Promise<void> {
  for (const body of bodies) await producer.send({ topic: 'T', body });
}

async function consume(
  listener: MessageListener,
  { tags = '*', ...options }: Partial<PushConsumerOptions> & { tags?: string } = {},
): Promise<PushConsumer> {
  const consumer = new PushConsumer({
    namesrvAddr: mq.namesrvAddr,
    consumerGroup: 'g',
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    // Progress is reported at the end only: what the broker was told is no help to whoever wants to know it now.
    persistIntervalMs: 24 * 60 * MINUTE,
    ...options,
  });
  running.push(consumer);
  await consumer.subscribe('T', tags).onMessage(listener).start();
  return consumer;
}

/** A listener that waits at each message until the test lets it go on. */
function gate(): { listener: MessageListener; letOne: () => void; begun: string[] } {
  const waiting: (() => void)[] = [];
  const begun: string[] = [];
  return {
    listener: async (message) => {
      begun.push(message.text());
      await new Promise<void>((resolve) => waiting.push(resolve));
    },
    letOne: () => waiting.shift()!(),
    begun,
  };
}

describe('messages', () => {
  it('are those of all queues in the order they were stored, with properties and bodies unpacked', async () => {
    const long = 'x'.repeat(10_000);
    const given: Message[] = [
      { topic: 'T', body: 'first', tags: 'Paid', keys: 'A-1' },
      { topic: 'T', body: long },
      { topic: 'T', body: gzipSync('raw bytes stay as they are') },
      { topic: 'T', body: 'last' },
    ];
    for (const message of given) await producer.send(message);
    const stored = await mq.messages('T');
    expect(stored.map(({ body }) => body)).toEqual(given.map(({ body }) => Buffer.from(body)));
    expect(new Set(stored.map(({ queueId }) => queueId))).toEqual(new Set([0, 1]));
    expect(stored[0]).toMatchObject({ topic: 'T', tags: 'Paid', keys: ['A-1'], reconsumeTimes: 0 });
  });

  it('are none of a topic that nobody has written to', async () => {
    expect([await mq.messages('T'), await mq.messages('UNKNOWN')]).toEqual([[], []]);
    await expect(mq.messages('no topic')).rejects.toThrow('may only contain');
  });

  it('are all of them, however many', async () => {
    const batch = Array.from({ length: 500 }, (_, index) => ({ topic: 'T', body: `${index}` }));
    for (let count = 0; count < 3; count++) await producer.sendBatch(batch);
    expect(await mq.messages('T')).toHaveLength(1_500);
  });

  it('can be waited for', async () => {
    const two = mq.messages('T', { atLeast: 2 });
    await send('a', 'b');
    expect((await two).map((message) => message.text())).toEqual(['a', 'b']);
    await expect(mq.messages('T', { atLeast: 3, timeoutMs: 20 })).rejects.toMatchObject({
      code: 'REQUEST_TIMEOUT',
      message: 'T has 2 messages, not 3, after 20 ms',
    });
  });

  it('cannot be waited for without end, nor for no number of them', async () => {
    const limits = [Number.NaN, Infinity, -1, '4s' as unknown as number];
    for (const timeoutMs of limits) {
      const problem = `timeoutMs is ${timeoutMs}, it must be a number from 0 to `;
      await expect(mq.messages('T', { atLeast: 1, timeoutMs })).rejects.toThrow(problem);
      await expect(mq.consumed('g', 'T', { timeoutMs })).rejects.toThrow(problem);
      await expect(testBroker({ timeoutMs })).rejects.toThrow(problem);
    }
    const none = mq.messages('T', { atLeast: Number.NaN });
    await expect(none).rejects.toThrow('atLeast is NaN, it must be an integer ≥ 0');
  });

  it('do not show what waits for its time, which is in delayed', async () => {
    const sentMs = mq.clock.now();
    await producer.send({ topic: 'T', body: 'in 10 s', delayTimeLevel: 3 });
    await producer.send({ topic: 'T', body: 'in 1 s', delayTimeLevel: 1 });
    await producer.send({ topic: 'T', body: 'in 5 s', delayTimeMs: 5_000 });
    const { recallHandle } = await producer.send({ topic: 'T', body: 'x', delayTimeMs: 4_000 });
    await producer.recall('T', recallHandle!);
    await producer.send({ topic: 'OTHER', body: 'not of this topic', delayTimeLevel: 1 });
    expect(await mq.messages('T')).toEqual([]);
    const waiting = async () => (await mq.delayed('T')).map(({ message }) => message.text());
    expect(await waiting()).toEqual(['in 1 s', 'in 5 s', 'in 10 s']);
    for (const [index, seconds] of [1, 5, 10].entries()) {
      const { message, deliverMs } = (await mq.delayed('T'))[index]!;
      expect(message.topic).toBe('T');
      expect(deliverMs).toBeGreaterThanOrEqual(sentMs + seconds * 1_000);
      expect(deliverMs).toBeLessThanOrEqual(mq.clock.now() + seconds * 1_000);
    }
    await mq.clock.advance('1s');
    expect(await waiting()).toEqual(['in 5 s', 'in 10 s']);
    expect((await mq.messages('T')).map((message) => message.text())).toEqual(['in 1 s']);
    await mq.clock.advance('4s');
    expect(await waiting()).toEqual(['in 10 s']);
  });
});

describe('lag', () => {
  it('is what the listener has not finished, at this moment', async () => {
    const { listener, letOne, begun } = gate();
    expect(await mq.lag('g', 'T')).toBe(0);
    await send('a', 'b');
    expect(await mq.lag('g', 'T')).toBe(2);
    await consume(listener);
    await until(() => begun.length === 2);
    expect(await mq.lag('g', 'T')).toBe(2);
    letOne();
    await until(async () => (await mq.lag('g', 'T')) === 1);
    letOne();
    await until(async () => (await mq.lag('g', 'T')) === 0);
    expect(mq.broker.context.offsets.query('g', 'T', 0)).toBeUndefined();
  });

  it('leaves out messages with tags that the group does not want', async () => {
    await consume(() => undefined, { tags: 'Paid' });
    await producer.send({ topic: 'T', body: 'a', tags: 'Created' });
    await producer.send({ topic: 'T', body: 'b' });
    expect(await mq.lag('g', 'T')).toBe(0);
    await expect(mq.lag('no group', 'T')).rejects.toThrow('may only contain');
    expect(await mq.lag('another', 'T')).toBe(2);
  });

  it('is counted from what was reported when the consumer has gone', async () => {
    const consumer = await consume(() => undefined);
    await send('a', 'b');
    await mq.consumed('g', 'T');
    await consumer.shutdown();
    await send('c');
    expect(await mq.lag('g', 'T')).toBe(1);
  });

  it('is that of the whole group, whichever member has a queue', async () => {
    const gates = [gate(), gate()];
    const members: PushConsumer[] = [];
    for (const { listener } of gates) members.push(await consume(listener));
    await until(() => members.every((member) => member.assignedQueues().length >= 1));
    await send('a', 'b');
    await until(() => gates.flatMap(({ begun }) => begun).length === 2);
    expect(await mq.lag('g', 'T')).toBe(2);
    for (const { begun, letOne } of gates) begun.forEach(letOne);
    await mq.consumed('g', 'T');
  });

  it('does not count retries, which are a topic of their own', async () => {
    await consume(() => 'RECONSUME_LATER');
    await send('a');
    await mq.consumed('g', 'T');
    expect(await mq.lag('g', 'T')).toBe(0);
    const [retry] = await mq.delayed('%RETRY%g');
    expect(retry!.message).toMatchObject({ topic: 'T', reconsumeTimes: 1 });
  });
});

describe('consumed', () => {
  it('resolves when the last listener has finished, and not before', async () => {
    const { listener, letOne, begun } = gate();
    await consume(listener);
    await send('a', 'b');
    let isConsumed = false;
    const consumed = mq.consumed('g', 'T').then(() => (isConsumed = true));
    await until(() => begun.length === 2);
    letOne();
    await until(async () => (await mq.lag('g', 'T')) === 1);
    expect(isConsumed).toBe(false);
    letOne();
    await within(consumed, 'consumed', 15_000);
  });

  it('includes retries that are due', async () => {
    const { listener, letOne, begun } = gate();
    await consume((message, context) =>
      message.reconsumeTimes === 0 ? 'RECONSUME_LATER' : listener(message, context),
    );
    await send('a');
    await mq.consumed('g', 'T');
    await mq.clock.advance('10s');
    let isConsumed = false;
    const consumed = mq.consumed('g', 'T').then(() => (isConsumed = true));
    await until(() => begun.length === 1);
    expect(isConsumed).toBe(false);
    letOne();
    await within(consumed, 'the retry', 15_000);
    expect(await mq.delayed('%RETRY%g')).toEqual([]);
  });

  it('knows consumers in order, and waits until a queue that was suspended goes on', async () => {
    const got: string[] = [];
    const consumer = new PushConsumer({
      namesrvAddr: mq.namesrvAddr,
      consumerGroup: 'g',
      suspendCurrentQueueTimeMs: 10,
    });
    running.push(consumer);
    consumer.subscribe('T').onMessageOrderly(({ body, reconsumeTimes }) => {
      if (body.toString() === 'paid' && reconsumeTimes < 2) return 'SUSPEND_CURRENT_QUEUE_A_MOMENT';
      got.push(body.toString());
      return 'SUCCESS';
    });
    await consumer.start();
    for (const body of ['created', 'paid', 'shipped']) {
      await producer.send({ topic: 'T', shardingKey: 'A-1', body });
    }
    await mq.consumed('g', 'T');
    expect(got).toEqual(['created', 'paid', 'shipped']);
    expect(await mq.lag('g', 'T')).toBe(0);
  });

  it('says what is not consumed, and why that may be', async () => {
    await mq.createTopic('OTHER', 1);
    await send('a');
    const consumed = () => mq.consumed('g', 'T', { timeoutMs: 20 });
    await expect(consumed()).rejects.toThrow(
      'group g has 1 messages of T to consume, no consumer of it is connected, after 20 ms',
    );
    const consumer = new PushConsumer({ namesrvAddr: mq.namesrvAddr, consumerGroup: 'g' });
    running.push(consumer);
    await consumer
      .subscribe('OTHER')
      .onMessage(() => undefined)
      .start();
    await expect(consumed()).rejects.toThrow(
      'group g has 1 messages of T to consume, its consumers subscribe to OTHER, %RETRY%g, after 20 ms',
    );
  });
});

describe('drain', () => {
  it('takes a message that always fails through all its retries into the DLQ, each at its time', async () => {
    const attempts: number[] = [];
    const startMs = mq.clock.now();
    await consume(() => {
      attempts.push(mq.clock.now() - startMs);
      throw new Error('no coupon today');
    });
    await send('a');
    await mq.drain('g', 'T');
    const [dead] = await mq.dlq('g');
    expect(dead!.text()).toBe('a');
    expect(attempts).toHaveLength(17);
    const delays = attempts.slice(1).map((at, index) => at - attempts[index]!);
    const [s, m, h] = [1_000, MINUTE, 60 * MINUTE];
    const ladder = [10 * s, 30 * s, m, 2 * m, 3 * m, 4 * m, 5 * m, 6 * m, 7 * m, 8 * m, 9 * m];
    ladder.push(10 * m, 20 * m, 30 * m, h, 2 * h);
    delays.forEach((delay, index) => expect(delay).toBeGreaterThanOrEqual(ladder[index]!));
    // Not by much: each attempt is over before the clock is moved again.
    expect(mq.clock.now() - startMs).toBeLessThan(ladder.reduce((sum, ms) => sum + ms) + 10 * m);
    expect(await mq.delayed('%RETRY%g')).toEqual([]);
  });

  it('waits for delayed messages of the topic, and stops when all is done', async () => {
    const got: string[] = [];
    await consume((message) => void got.push(message.text()));
    await send('now');
    await producer.send({ topic: 'T', body: 'in 2 h', delayTimeLevel: 18 });
    await producer.send({ topic: 'OTHER', body: 'in 2 h', delayTimeLevel: 18 });
    await producer.send({ topic: 'T', body: 'in 30 m', delayTimeMs: 30 * MINUTE });
    await mq.drain('g', 'T');
    expect(got).toEqual(['now', 'in 30 m', 'in 2 h']);
  });

  it('does not move the clock when there is nothing to wait for, nor beyond what it may', async () => {
    await consume(() => undefined);
    const startMs = mq.clock.monotonicMs();
    await mq.drain('g', 'T');
    await producer.send({ topic: 'T', body: 'in 2 h', delayTimeLevel: 18 });
    await expect(mq.drain('g', 'T', { maxAdvance: '1h' })).rejects.toThrow(
      /^1 messages wait for g or T, the first for (2h|1h 59m 5\ds.*) more; the clock may move by 1h in all/,
    );
    expect(mq.clock.monotonicMs() - startMs).toBeLessThan(60 * MINUTE);
    await expect(mq.drain('g', 'T', { maxAdvance: 'ever' })).rejects.toThrow('is no duration');
  });
});

describe('dlq', () => {
  it('shows what the group gave up on, until it is sent back', async () => {
    let isMended = false;
    await consume(() => (isMended ? 'CONSUME_SUCCESS' : 'RECONSUME_LATER'), {
      maxReconsumeTimes: 0,
    });
    expect(await mq.dlq('g')).toEqual([]);
    await send('a', 'b');
    const dead = await mq.dlq('g', { atLeast: 2 });
    expect(dead.map((message) => message.text()).toSorted()).toEqual(['a', 'b']);
    isMended = true;
    await using admin = new Admin({ namesrvAddr: mq.namesrvAddr });
    await admin.redriveDlq('g', 'all');
    expect(await mq.dlq('g')).toEqual([]);
    expect(await mq.messages('%DLQ%g')).toHaveLength(2);
    await mq.consumed('g', 'T');
    expect(await mq.dlq('g')).toEqual([]);
  });
});

describe('the clock', () => {
  it('delivers a 30-minute message now', async () => {
    const got: string[] = [];
    await consume((message) => void got.push(message.text()));
    await producer.send({ topic: 'T', body: 'by level', delayTimeLevel: 16 });
    await producer.send({ topic: 'T', body: 'by ms', delayTimeMs: 30 * MINUTE });
    await producer.send({ topic: 'T', body: 'at', deliverTimeMs: mq.clock.now() + 30 * MINUTE });
    await mq.clock.advance('29m');
    expect(await mq.messages('T')).toEqual([]);
    await mq.clock.advance('1m');
    expect(await mq.messages('T')).toHaveLength(3);
    await mq.consumed('g', 'T');
    expect(got.toSorted()).toEqual(['at', 'by level', 'by ms']);
  });

  it('stamps each delivery with its own time, in order', async () => {
    const startMs = mq.clock.now();
    await producer.send({ topic: 'T', body: '2h', delayTimeLevel: 18 });
    await producer.send({ topic: 'T', body: '45m', delayTimeMs: 45 * MINUTE });
    await producer.send({ topic: 'T', body: '1s', delayTimeLevel: 1 });
    await producer.send({ topic: 'T', body: '30m', delayTimeLevel: 16 });
    await mq.clock.advance('3h');
    const stored = await mq.messages('T');
    expect(stored.map((message) => message.text())).toEqual(['1s', '30m', '45m', '2h']);
    const minutes = stored.map(({ storeTimestamp }) =>
      Math.floor((storeTimestamp - startMs) / MINUTE),
    );
    expect(minutes).toEqual([0, 30, 45, 120]);
  });

  it('moves the wall clock alone: a message for a time goes, one with a delay does not', async () => {
    const [inAnHour, hourMs] = [mq.clock.now() + 60 * MINUTE, 60 * MINUTE];
    await producer.send({ topic: 'T', body: 'at', deliverTimeMs: inAnHour });
    await mq.clock.stepWallClock('-1d');
    await producer.send({ topic: 'T', body: 'in an hour', delayTimeMs: hourMs });
    await mq.clock.advance('1h');
    const bodies = async () => (await mq.messages('T')).map((message) => message.text());
    expect(await bodies()).toEqual(['in an hour']);
    await mq.clock.stepWallClock('1d');
    expect(await bodies()).toEqual(['in an hour', 'at']);
  });

  it('goes through a year in no time, with a message that waits for its end', async () => {
    await producer.send({ topic: 'T', body: 'happy new year', delayTimeMs: 365 * 1_440 * MINUTE });
    await mq.clock.advance('364d');
    expect(await mq.messages('T')).toEqual([]);
    expect(await mq.delayed('T')).toHaveLength(1);
    await mq.clock.advance('1d');
    expect(await mq.messages('T')).toHaveLength(1);
  });

  it('does not lose clients by a jump of a day: they live in real time', async () => {
    const got: string[] = [];
    const consumer = await consume((message) => void got.push(message.text()));
    await send('before');
    await mq.consumed('g', 'T');
    const connections = [...mq.broker.context.connections()];
    await mq.clock.advance('1d');
    await send('after');
    await mq.consumed('g', 'T');
    expect(got).toEqual(['before', 'after']);
    expect(new Set(mq.broker.context.connections())).toEqual(new Set(connections));
    expect(mq.broker.context.consumers.clientIds('g')).toEqual([consumer.clientId]);
  });
});
