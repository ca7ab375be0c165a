import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Producer, PushConsumer, TransactionProducer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { until, within } from '../../support/deadline.ts';
import { failure } from '../../support/failure.ts';

let mq: TestBroker;
let producer: Producer;
const running: AsyncDisposable[] = [];

beforeEach(async () => {
  mq = await testBroker({ timeoutMs: 15_000 });
  await mq.createTopic('T', 1);
  await mq.createTopic('OTHER', 1);
  // One attempt: what a fault does is seen as it is, not as retries make it look.
  producer = startProducer({ retryTimesWhenSendFailed: 0 });
});
afterEach(async () => {
  for (const client of running.splice(0)) await client[Symbol.asyncDispose]();
  await mq.close();
});

function startProducer(options: { retryTimesWhenSendFailed: number }): Producer {
  const started = new Producer({
    namesrvAddr: mq.namesrvAddr,
    producerGroup: 'test',
    sendTimeoutMs: 20_000,
    ...options,
  });
  running.push(started);
  return started;
}

const bodies = async (topic = 'T') => (await mq.messages(topic)).map((message) => message.text());

describe('refuseSends', () => {
  it('answers SYSTEM_BUSY and stores nothing, until it is ended', async () => {
    {
      using fault = mq.faults.refuseSends();
      await expect(producer.send({ topic: 'T', body: 'a' })).rejects.toMatchObject({
        code: 'SYSTEM_BUSY',
        message: expect.stringContaining('a fault that the test has switched on'),
      });
      expect(fault.count).toBe(1);
      expect(await bodies()).toEqual([]);
    }
    await producer.send({ topic: 'T', body: 'b' });
    expect(await bodies()).toEqual(['b']);
  });

  it('ends after so many times, and retries get through', async () => {
    const retrying = startProducer({ retryTimesWhenSendFailed: 2 });
    using fault = mq.faults.refuseSends({ times: 2 });
    await retrying.send({ topic: 'T', body: 'a' });
    expect([fault.count, fault.isOver, await bodies()]).toEqual([2, true, ['a']]);
  });

  it('leaves other topics alone', async () => {
    using fault = mq.faults.refuseSends({ topic: 'OTHER', code: 'MESSAGE_ILLEGAL' });
    await producer.send({ topic: 'T', body: 'a' });
    expect(fault.count).toBe(0);
    expect(await rejected(producer.send({ topic: 'OTHER', body: 'b' }))).toBe('MESSAGE_ILLEGAL');
    expect([await bodies(), await bodies('OTHER')]).toEqual([['a'], []]);
  });

  it('strikes batches, oneway sends and half messages as well', async () => {
    using fault = mq.faults.refuseSends({ topic: 'T' });
    const batch = producer.sendBatch([
      { topic: 'T', body: 'a' },
      { topic: 'T', body: 'b' },
    ]);
    expect(await rejected(batch)).toBe('SYSTEM_BUSY');
    await producer.sendOneway({ topic: 'T', body: 'c' });
    await within(fault.struck(2), 'the oneway send');
    const transactions = startTransactions();
    const half = transactions.sendMessageInTransaction({ topic: 'T', body: 'd' }, () => {
      throw new Error('the local transaction must not run');
    });
    expect(await rejected(half)).toBe('SYSTEM_BUSY');
    await producer.send({ topic: 'OTHER', body: 'the connection is in order' });
    expect(await bodies()).toEqual([]);
  });

  it.each([
    [{ code: 'SYSTEM_BUSSY' as 'SYSTEM_BUSY' }, 'SYSTEM_BUSSY, which is the name of no'],
    [{ code: 'SUCCESS' as const }, 'SUCCESS, which says that it was not refused'],
    [{ code: 'FLUSH_DISK_TIMEOUT' as const }, 'says that it was not refused'],
    [{ times: 0 }, 'times is 0, it must be an integer ≥ 1'],
    [{ topic: 'no topic' }, 'topic name "no topic" may only contain'],
  ])('refuses %j, which would strike nothing or lie', (options, message) => {
    expect(() => mq.faults.refuseSends(options)).toThrow(message);
  });
});

describe('refuse', () => {
  it('strikes requests of the kind it names: a consumer whose progress is refused reports it again', async () => {
    using fault = mq.faults.refuse('UPDATE_CONSUMER_OFFSET', { topic: 'T' });
    // In order: only then does no pull carry the progress past the reports.
    const consumer = new PushConsumer({
      namesrvAddr: mq.namesrvAddr,
      consumerGroup: 'g',
      persistIntervalMs: 20,
    });
    running.push(consumer);
    await consumer
      .subscribe('T')
      .onMessageOrderly(() => undefined)
      .start();
    await producer.send({ topic: 'T', body: 'a' });
    await within(fault.struck(2), 'two reports');
    expect(reported()).toBeUndefined();
    fault.end();
    await until(() => reported() === 1);
    expect(consumer.isRunning).toBe(true);
  });

  it('names what it cannot strike', () => {
    expect(() => mq.faults.refuse('PUT_MESSAGE' as 'PULL_MESSAGE')).toThrow(
      /^PUT_MESSAGE is none of SEND_MESSAGE, PULL_MESSAGE, /,
    );
    expect(() => mq.faults.refuse([])).toThrow('the fault names no request');
    expect(() => mq.faults.refuse('HEART_BEAT', { topic: 'T' })).toThrow(
      'HEART_BEAT is about no topic: leave it out',
    );
  });
});

describe('dropConnections', () => {
  it('breaks the connection before anything is stored', async () => {
    using fault = mq.faults.dropConnections({ topic: 'T' });
    expect(await rejected(producer.send({ topic: 'T', body: 'a' }))).toBe('CONNECTION_CLOSED');
    expect([fault.count, await bodies()]).toEqual([1, []]);
  });

  it('breaks it after the message is stored: the producer that tries again stores it twice', async () => {
    const retrying = startProducer({ retryTimesWhenSendFailed: 1 });
    using fault = mq.faults.dropConnections({ when: 'afterStored', times: 1 });
    const { msgId } = await retrying.send({ topic: 'T', body: 'a' });
    const stored = await mq.messages('T');
    expect(stored.map((message) => message.msgId)).toEqual([msgId, msgId]);
    expect(fault.count).toBe(1);
  });

  it('does not strike afterStored what was not stored', async () => {
    using dropped = mq.faults.dropConnections({ when: 'afterStored' });
    using refused = mq.faults.refuseSends();
    expect(await rejected(producer.send({ topic: 'T', body: 'a' }))).toBe('SYSTEM_BUSY');
    expect([dropped.count, refused.count]).toEqual([0, 1]);
  });

  it('strikes pulls when told to, and the consumer gets its messages all the same', async () => {
    using fault = mq.faults.dropConnections({
      request: 'PULL_MESSAGE',
      when: 'afterStored',
      times: 1,
    });
    const got: string[] = [];
    await startConsumer((message) => void got.push(message.text()));
    await producer.send({ topic: 'T', body: 'a' });
    await until(() => got.includes('a'), { timeoutMs: 15_000 });
    expect(fault.count).toBe(1);
  });

  it('knows two moments only', () => {
    expect(() => mq.faults.dropConnections({ when: 'later' as 'afterStored' })).toThrow(
      'when is later, not beforeStored or afterStored',
    );
  });
});

describe('delayReplies', () => {
  it('lets go of a reply that several of them hold up: when they are ended, and when the broker stops', async () => {
    const faults = [mq.faults.delayReplies('1h'), mq.faults.delayReplies('1h')];
    const sending = producer.send({ topic: 'T', body: 'a' });
    await faults[1]!.struck();
    for (const fault of faults) fault.end();
    await within(sending, 'the reply');
    const more = [mq.faults.delayReplies('1h'), mq.faults.delayReplies('1h')];
    const second = producer.send({ topic: 'T', body: 'b' });
    await more[1]!.struck();
    await within(mq.stop(), 'the stop');
    await within(second, 'the second reply');
  });

  it('holds the answer back, not the message', async () => {
    using fault = mq.faults.delayReplies('1h', { times: 1 });
    let isAnswered = false;
    const sent = producer.send({ topic: 'T', body: 'a' }).then(() => (isAnswered = true));
    await mq.messages('T', { atLeast: 1 });
    await producer.send({ topic: 'OTHER', body: 'a later one on the same connection' });
    expect(isAnswered).toBe(false);
    fault.end();
    await within(sent, 'the answer');
  });

  it('outlasts the time limit of a send', async () => {
    using fault = mq.faults.delayReplies('1h');
    const sent = producer.send({ topic: 'T', body: 'a' }, { timeoutMs: 300 });
    expect(await rejected(sent)).toBe('REQUEST_TIMEOUT');
    expect([fault.count, await bodies()]).toEqual([1, ['a']]);
  });

  it('answers when its time is over', async () => {
    using fault = mq.faults.delayReplies(5);
    await producer.send({ topic: 'T', body: 'a' });
    expect(fault.count).toBe(1);
  });

  it('does not hold up the end of the test', async () => {
    mq.faults.delayReplies('1h');
    const sent = producer.send({ topic: 'T', body: 'a' });
    await mq.messages('T', { atLeast: 1 });
    await mq.close();
    await expect(sent).resolves.toMatchObject({ status: 'SEND_OK' });
  });
});

describe('flushDiskTimeout', () => {
  it('stores the message and says that it may not be on disk', async () => {
    using fault = mq.faults.flushDiskTimeout({ topic: 'T', times: 1 });
    expect((await producer.send({ topic: 'T', body: 'a' })).status).toBe('FLUSH_DISK_TIMEOUT');
    expect((await producer.send({ topic: 'T', body: 'b' })).status).toBe('SEND_OK');
    expect([fault.count, await bodies()]).toEqual([1, ['a', 'b']]);
  });

  it('keeps a local transaction from running', async () => {
    using fault = mq.faults.flushDiskTimeout();
    let hasRun = false;
    const { localTransactionState } = await startTransactions().sendMessageInTransaction(
      { topic: 'T', body: 'a' },
      () => {
        hasRun = true;
        return 'COMMIT_MESSAGE';
      },
    );
    expect([localTransactionState, hasRun, fault.count]).toEqual(['ROLLBACK_MESSAGE', false, 1]);
    expect(await bodies()).toEqual([]);
  });
});

describe('loseEndTransactions', () => {
  it('leaves the half message to the check, which brings it to its consumers', async () => {
    using fault = mq.faults.loseEndTransactions({ topic: 'T', times: 1 });
    await startTransactions().sendMessageInTransaction(
      { topic: 'T', body: 'a' },
      () => 'COMMIT_MESSAGE',
    );
    await within(fault.struck(), 'the end of the transaction');
    expect(await bodies()).toEqual([]);
    await mq.clock.advance('1m');
    const [message] = await mq.messages('T', { atLeast: 1 });
    expect(message!.text()).toBe('a');
  });
});

describe('faults that are on together', () => {
  it('each do their part: a refusal that comes late, on a connection that then stays', async () => {
    using refused = mq.faults.refuseSends({ times: 1 });
    using delayed = mq.faults.delayReplies(1);
    using flush = mq.faults.flushDiskTimeout();
    expect(await rejected(producer.send({ topic: 'T', body: 'a' }))).toBe('SYSTEM_BUSY');
    expect((await producer.send({ topic: 'T', body: 'b' })).status).toBe('FLUSH_DISK_TIMEOUT');
    expect([refused.count, delayed.count, flush.count]).toEqual([1, 2, 1]);
  });

  it('are used up one after the other when they do the same', async () => {
    using first = mq.faults.refuseSends({ times: 1, code: 'SYSTEM_BUSY' });
    using second = mq.faults.refuseSends({ times: 1, code: 'NO_PERMISSION' });
    const codes = [];
    for (const body of ['a', 'b']) codes.push(await rejected(producer.send({ topic: 'T', body })));
    await producer.send({ topic: 'T', body: 'c' });
    expect([codes, first.count, second.count]).toEqual([['SYSTEM_BUSY', 'NO_PERMISSION'], 1, 1]);
    expect(await bodies()).toEqual(['c']);
  });
});

describe('struck', () => {
  it('does not wait for what cannot come', async () => {
    using fault = mq.faults.refuseSends({ times: 1 });
    await expect(fault.struck(2)).rejects.toThrow('will not strike 2: it strikes at most 1');
    await expect(fault.struck(0)).resolves.toBeUndefined();
    await expect(fault.struck(Number.NaN)).rejects.toThrow('count is NaN, it must be an integer');
  });

  it('fails when the fault is ended meanwhile, by itself or with the broker, and does not wait for ever', async () => {
    const fault = mq.faults.refuseSends();
    const struck = failure(fault.struck());
    fault.end();
    expect((await struck).message).toContain('and will not strike 1: it is ended');
    const other = mq.faults.refuseSends();
    const struckByClose = failure(other.struck());
    await mq.close();
    expect((await struckByClose).message).toContain('and will not strike 1: it is ended');
  });

  it('says how often it struck when time is up', async () => {
    using fault = mq.faults.refuseSends();
    await rejected(producer.send({ topic: 'T', body: 'a' }));
    await expect(fault.struck(2, { timeoutMs: 10 })).rejects.toMatchObject({
      code: 'REQUEST_TIMEOUT',
      message: 'the fault has struck 1 requests, not 2, after 10 ms',
    });
  });
});

function startTransactions(): TransactionProducer {
  const transactions = new TransactionProducer({
    namesrvAddr: mq.namesrvAddr,
    producerGroup: 'transactions',
    retryTimesWhenSendFailed: 0,
    checkLocalTransaction: () => 'COMMIT_MESSAGE',
  });
  running.push(transactions);
  return transactions;
}

async function startConsumer(
  listener: Parameters<PushConsumer['onMessage']>[0],
): Promise<PushConsumer> {
  const consumer = new PushConsumer({ namesrvAddr: mq.namesrvAddr, consumerGroup: 'g' });
  running.push(consumer);
  await consumer.subscribe('T').onMessage(listener).start();
  return consumer;
}

/** What the broker was told of the group's progress. */
function reported(): number | undefined {
  return mq.broker.context.offsets.query('g', 'T', 0);
}

async function rejected(call: Promise<unknown>): Promise<string> {
  return (await failure(call)).code;
}
