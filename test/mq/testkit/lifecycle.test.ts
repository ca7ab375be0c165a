import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Producer, PushConsumer, type PushConsumerOptions } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { until, within } from '../../support/deadline.ts';
import { failure } from '../../support/failure.ts';

let mq: TestBroker;
let producer: Producer;
const running: AsyncDisposable[] = [];

beforeEach(async () => {
  mq = await testBroker({ timeoutMs: 20_000 });
  await mq.createTopic('T', 1);
  producer = new Producer({
    namesrvAddr: mq.namesrvAddr,
    producerGroup: 'test',
    sendTimeoutMs: 20_000,
    retryTimesWhenSendFailed: 0,
  });
  running.push(producer);
});
afterEach(async () => {
  for (const client of running.splice(0)) await client[Symbol.asyncDispose]();
  await mq.close();
});

async function consume(
  got: string[],
  options: Partial<PushConsumerOptions> = {},
): Promise<PushConsumer> {
  const consumer = new PushConsumer({
    namesrvAddr: mq.namesrvAddr,
    consumerGroup: 'g',
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    ...options,
  });
  running.push(consumer);
  await consumer
    .subscribe('T')
    .onMessage((message) => void got.push(message.text()))
    .start();
  return consumer;
}

/** The producer comes back when its back-off is over; until then sends fail without being tried. */
async function sendWhenReachable(body: string): Promise<void> {
  await until(() => producer.send({ topic: 'T', body }), { timeoutMs: 20_000, pollMs: 50 });
}

const bodies = async () => (await mq.messages('T')).map((message) => message.text());

describe('stop', () => {
  it('is an outage: sends fail, and what was there is there after a restart', async () => {
    await producer.send({ topic: 'T', body: 'before' });
    await mq.stop();
    expect((await failure(producer.send({ topic: 'T', body: 'lost' }))).retriable).toBe(true);
    await expect(mq.messages('T')).rejects.toThrow(
      'the broker of this test is stopped: restart() starts it again',
    );
    const address = mq.brokerAddr;
    await mq.restart();
    expect([await bodies(), mq.broker.address]).toEqual([['before'], address]);
    await sendWhenReachable('after');
    expect(await bodies()).toEqual(['before', 'after']);
  });

  it('saves progress: nothing is consumed twice', async () => {
    const got: string[] = [];
    await consume(got);
    await producer.send({ topic: 'T', body: 'a' });
    await mq.consumed('g', 'T');
    await running.pop()![Symbol.asyncDispose]();
    await mq.restart();
    await consume(got);
    await sendWhenReachable('b');
    await until(() => got.includes('b'), { timeoutMs: 20_000 });
    expect(got).toEqual(['a', 'b']);
  });

  it('lets replies that are held up go, instead of waiting for them', async () => {
    mq.faults.delayReplies('1h');
    const sent = producer.send({ topic: 'T', body: 'a' });
    await mq.messages('T', { atLeast: 1 });
    await mq.stop();
    await expect(sent).resolves.toMatchObject({ status: 'SEND_OK' });
  });
});

describe('restart', () => {
  it('keeps consumers: they come back by themselves', async () => {
    const got: string[] = [];
    await consume(got);
    await mq.restart();
    await sendWhenReachable('a');
    await until(() => got.includes('a'), { timeoutMs: 20_000 });
  });

  it('delivers what fell due while the broker was away', async () => {
    await producer.send({ topic: 'T', body: 'in 10 s', delayTimeLevel: 3 });
    await producer.send({ topic: 'T', body: 'in 1 h', delayTimeLevel: 17 });
    await mq.stop();
    await mq.clock.advance('1m');
    await mq.restart();
    expect(await bodies()).toEqual(['in 10 s']);
    await mq.clock.advance('1h');
    expect(await bodies()).toEqual(['in 10 s', 'in 1 h']);
  });

  it('keeps the faults that are on', async () => {
    using fault = mq.faults.refuseSends({ code: 'NO_PERMISSION' });
    await mq.restart();
    await until(
      async () =>
        (await failure(producer.send({ topic: 'T', body: 'a' }))).code === 'NO_PERMISSION',
      { pollMs: 50 },
    );
    expect(fault.count).toBe(1);
  });
});

describe('kill', () => {
  it('loses nothing that was acknowledged, and recovers the store', async () => {
    for (const body of ['a', 'b', 'c']) await producer.send({ topic: 'T', body });
    await mq.kill();
    expect(await readdir(mq.storeDir)).toContain('abort');
    await mq.restart();
    expect(mq.broker.store.stats.wasAborted).toBe(true);
    expect(await bodies()).toEqual(['a', 'b', 'c']);
  });

  it('breaks a send under way, which is then stored or not, as its broker came to it', async () => {
    mq.faults.delayReplies('1h');
    const sent = failure(producer.send({ topic: 'T', body: 'stored' }));
    await mq.messages('T', { atLeast: 1 });
    await mq.kill();
    expect((await sent).code).toBe('CONNECTION_CLOSED');
    await mq.restart();
    expect(await bodies()).toEqual(['stored']);
  });

  it('stores nothing that had not reached the disk', async () => {
    await producer.send({ topic: 'T', body: 'a' });
    const { store, context } = mq.broker;
    const unwritten = store.append({
      topic: 'T',
      queueId: 0,
      flag: 0,
      sysFlag: 0,
      bornTimestamp: 0,
      bornHost: context.advertised,
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body: Buffer.from('placed, and not written yet'),
      propertiesString: '',
      tagsCode: 0,
    });
    await Promise.all([mq.kill(), unwritten.catch(() => undefined)]);
    await mq.restart();
    expect(await bodies()).toEqual(['a']);
  });

  it('forgets progress that was not saved: messages come twice, as consumers must expect', async () => {
    const got: string[] = [];
    // The consumer reports, the broker does not write it down.
    const consumer = await consume(got, { persistIntervalMs: 10 });
    await producer.send({ topic: 'T', body: 'a' });
    await until(() => mq.broker.context.offsets.query('g', 'T', 0) === 1);
    await mq.kill();
    await within(consumer.shutdown(), 'the consumer', 20_000);
    await mq.restart();
    expect(mq.broker.context.offsets.query('g', 'T', 0)).toBeUndefined();
    await consume(got);
    await until(() => got.length === 2, { timeoutMs: 20_000 });
    expect(got).toEqual(['a', 'a']);
  });

  it('may be done to a broker that is gone', async () => {
    await mq.kill();
    await mq.kill();
    await mq.stop();
    await mq.close();
    await mq.close();
  });
});

describe('close', () => {
  it('is for good: no restart brings back a broker that nobody would stop, or its store', async () => {
    const waiting = failure(mq.messages('T', { atLeast: 1 }));
    await mq.close();
    expect((await waiting).message).toBe('the broker of this test is closed');
    expect(await failure(mq.restart())).toMatchObject({
      code: 'SERVICE_NOT_AVAILABLE',
      message: 'the broker of this test is closed',
    });
    expect(existsSync(mq.storeDir)).toBe(false);
  });
});

describe('test brokers side by side', () => {
  it('share nothing: store, topics, clock, faults', async () => {
    await using other = await testBroker();
    using fault = other.faults.refuseSends();
    await other.clock.advance('1d');
    await producer.send({ topic: 'T', body: 'a' });
    expect([fault.count, await other.messages('T')]).toEqual([0, []]);
    expect(other.clock.now() - mq.clock.now()).toBeGreaterThan(23 * 60 * 60_000);
    expect(await bodies()).toEqual(['a']);
  });

  it('do not keep the process alive when they are forgotten', async () => {
    await producer.shutdown();
    const before = referenced();
    const forgotten = await testBroker();
    await forgotten.createTopic('T');
    await using client = new Producer({
      namesrvAddr: forgotten.namesrvAddr,
      producerGroup: 'test',
    });
    await client.send({ topic: 'T', body: 'in a month', delayTimeMs: 30 * 24 * 60 * 60_000 });
    await client.shutdown();
    await until(() => referenced().join() === before.join());
    await forgotten.close();
  });
});

/** What would keep the event loop running. */
function referenced(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((kind) => kind.startsWith('TCP'))
    .toSorted();
}
