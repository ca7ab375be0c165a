import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admin } from '../../../mq/client/admin.ts';
import type { ConsumedMessage } from '../../../mq/client/consumed-message.ts';
import type {
  ConsumeOrderlyContext,
  ConsumeOrderlyResult,
} from '../../../mq/client/orderly-listener.ts';
import { Producer } from '../../../mq/client/producer.ts';
import { PushConsumer } from '../../../mq/client/push-consumer.ts';
import type { PushConsumerOptions } from '../../../mq/client/push-consumer-options.ts';
import { parseHostPort } from '../../../mq/protocol/host-address.ts';
import { startBroker, startNameServer, type Broker } from '../../../mq/server.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { until, within } from '../../support/deadline.ts';
import { closeOpened, open } from '../../support/opened.ts';

let mq: TestBroker;
let producer: Producer;
type Handle = (
  message: ConsumedMessage,
  context: ConsumeOrderlyContext,
) => Promise<void | ConsumeOrderlyResult> | void | ConsumeOrderlyResult;

function consumer(handle: Handle, options: Partial<PushConsumerOptions> = {}): PushConsumer {
  return open(
    new PushConsumer({
      namesrvAddr: mq.namesrvAddr,
      consumerGroup: 'g',
      suspendCurrentQueueTimeMs: 10,
      ...options,
    })
      .subscribe('T')
      .onMessageOrderly(handle),
  );
}

async function send(text: string, queueId = 0): Promise<void> {
  const queue = { topic: 'T', brokerName: mq.broker.config.brokerName, queueId };
  await producer.send({ topic: 'T', body: text }, { queue });
}

async function progress(queueId = 0): Promise<number | undefined> {
  await using admin = new Admin({ namesrvAddr: mq.namesrvAddr });
  const queues = await admin.consumerProgress('g', 'T');
  return queues.find(({ messageQueue }) => messageQueue.queueId === queueId)?.consumerOffset;
}

beforeEach(async () => {
  mq = await testBroker();
  producer = new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'p' });
  await producer.start();
  await mq.createTopic('T', 2);
});

afterEach(async () => {
  await closeOpened();
  await producer.shutdown();
  await mq.close();
});

describe('consuming in order', () => {
  it('gets each queue in order, one message at a time, and the queues beside each other', async () => {
    const running = new Map<number, number>();
    const got: string[][] = [[], []];
    let mostAtOnce = 0;
    const member = consumer(async (message) => {
      const { queueId } = message;
      running.set(queueId, (running.get(queueId) ?? 0) + 1);
      expect(running.get(queueId)).toBe(1);
      mostAtOnce = Math.max(
        mostAtOnce,
        [...running.values()].reduce((a, b) => a + b),
      );
      await new Promise((resolve) => setImmediate(resolve));
      got[queueId]!.push(message.text());
      running.set(queueId, 0);
    });
    await member.start();
    const texts = Array.from({ length: 100 }, (_, index) => `m${index}`);
    for (const text of texts) await Promise.all([send(text, 0), send(text, 1)]);
    await until(() => got[0]!.length === 100 && got[1]!.length === 100);
    expect(got).toEqual([texts, texts]);
    expect(mostAtOnce).toBe(2);
  });

  it('brings a message that fails again, and nothing of its queue before it', async () => {
    const got: string[] = [];
    const member = consumer((message) => {
      got.push(`${message.text()} ${message.reconsumeTimes}`);
      if (message.text() === 'b' && message.reconsumeTimes === 0) throw new Error('not yet');
      if (message.text() === 'b' && message.reconsumeTimes === 1) {
        return 'SUSPEND_CURRENT_QUEUE_A_MOMENT';
      }
      return 'SUCCESS';
    });
    await member.start();
    for (const text of ['a', 'b', 'c']) await send(text);
    await until(() => got.length === 5);
    expect(got).toEqual(['a 0', 'b 0', 'b 1', 'b 2', 'c 0']);
  });

  it('gives a message up after maxReconsumeTimes, to the dead-letter queue and not to the retry topic', async () => {
    const got: string[] = [];
    const member = consumer(
      (message) => {
        got.push(`${message.text()} ${message.reconsumeTimes}`);
        if (message.text() === 'b') throw new Error('never');
      },
      { maxReconsumeTimes: 2 },
    );
    await member.start();
    for (const text of ['a', 'b', 'c']) await send(text);
    await until(() => got.includes('c 0'));
    expect(got).toEqual(['a 0', 'b 0', 'b 1', 'b 2', 'c 0']);
    await using admin = new Admin({ namesrvAddr: mq.namesrvAddr });
    const count = async (topic: string): Promise<number> => {
      const offsets = (await admin.queues(topic)).map((queue) => admin.maxOffset(queue));
      return (await Promise.all(offsets)).reduce((sum, offset) => sum + offset, 0);
    };
    expect(await count('%RETRY%g')).toBe(0);
    await until(async () => (await count('%DLQ%g')) === 1);
  });

  it('hands a queue over exactly behind the message that runs when another member joins', async () => {
    const got: string[] = [];
    let finish: () => void = () => undefined;
    const first = consumer(
      async (message) => {
        got.push(`first ${message.text()}`);
        if (message.queueId === 1) await new Promise<void>((resolve) => (finish = resolve));
      },
      { instanceName: 'a', persistIntervalMs: 1_000_000 },
    );
    await first.start();
    await send('m0', 1);
    await until(() => got.length === 1);
    await send('m1', 1);
    const second = consumer((message) => void got.push(`second ${message.text()}`), {
      instanceName: 'b',
    });
    const starting = second.start();
    await until(() => first.assignedQueues().filter(({ topic }) => topic === 'T').length === 1);
    expect(got).toEqual(['first m0']);
    finish();
    await starting;
    await until(() => got.length === 2);
    expect(got).toEqual(['first m0', 'second m1']);
  });

  it('leaves nothing to repeat and no lock behind when it shuts down', async () => {
    const got: string[] = [];
    const first = consumer((message) => void got.push(message.text()));
    await first.start();
    await send('m0');
    await until(() => got.length === 1);
    await within(first.shutdown(), 'shutdown');
    expect(await progress()).toBe(1);
    await send('m1');
    const second = consumer((message) => void got.push(message.text()));
    await second.start();
    await until(() => got.length === 2);
    expect(got).toEqual(['m0', 'm1']);
  });
});

describe('sending in order', () => {
  it('puts the messages of one shardingKey into one queue, and tells the consumer the key', async () => {
    const got: ConsumedMessage[] = [];
    const member = consumer((message) => void got.push(message));
    await member.start();
    const keys = ['a', 'b', 'c', 'd'];
    for (let round = 0; round < 3; round++) {
      for (const key of keys) {
        await producer.send({ topic: 'T', body: `${key}${round}`, shardingKey: key });
      }
    }
    await until(() => got.length === 12);
    for (const key of keys) {
      const own = got.filter(({ properties }) => properties.get('__SHARDINGKEY') === key);
      expect(own.map((message) => message.text())).toEqual([`${key}0`, `${key}1`, `${key}2`]);
      expect(new Set(own.map(({ queueId }) => queueId)).size).toBe(1);
    }
    expect(new Set(got.map(({ queueId }) => queueId)).size).toBe(2);
  });

  it('refuses a batch whose keys belong to different queues, and sends one whose keys share theirs', async () => {
    const batch = (...keys: string[]) =>
      keys.map((shardingKey) => ({ topic: 'T', body: 'x', shardingKey }));
    await expect(producer.sendBatch(batch('a', 'b'))).rejects.toThrow(
      'batch for T: shardingKey "b" belongs to another queue than "a"',
    );
    const { messageQueue } = await producer.sendBatch(batch('a', 'c', 'a'));
    expect(messageQueue.queueId).toBe(1);
  });

  it('refuses a shardingKey that is empty', async () => {
    await expect(producer.send({ topic: 'T', body: 'x', shardingKey: '' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});

describe('while the broker restarts', () => {
  it('a queue stays with the member whose listener runs, and begins again behind what was committed', async () => {
    const storePathRootDir = await mkdtemp(join(tmpdir(), 'millrace-orderly-'));
    open({
      [Symbol.asyncDispose]: () => rm(storePathRootDir, { recursive: true, force: true }),
    });
    const nameServer = open(await startNameServer({ listenPort: 0 }));
    const namesrvAddr = nameServer.address;
    let listenPort = 0;
    const boot = async (): Promise<Broker> => {
      const broker = await startBroker({ storePathRootDir, namesrvAddr, listenPort });
      listenPort = parseHostPort(broker.address).port;
      return open(broker);
    };
    let broker = await boot();
    const admin = open(new Admin({ namesrvAddr }));
    await admin.createTopic({ topic: 'T', readQueueNums: 2, writeQueueNums: 2 });

    const got: string[] = [];
    let end: () => void = () => undefined;
    const member = (instanceName: string): PushConsumer =>
      consumer(
        async ({ queueId, ...message }) => {
          const text = message.body.toString();
          got.push(`${instanceName}${queueId} ${text}`);
          if (text === 'm1' && got.length === 2) await new Promise<void>((done) => (end = done));
        },
        { instanceName, namesrvAddr, persistIntervalMs: 20 },
      );
    const [a, b] = [member('a'), member('b')];
    await Promise.all([a.start(), b.start()]);
    const owned = (one: PushConsumer): number[] =>
      one
        .assignedQueues()
        .filter(({ topic }) => topic === 'T')
        .map(({ queueId }) => queueId);
    await until(() => owned(a).join() === '0' && owned(b).join() === '1');

    const sender = open(new Producer({ namesrvAddr, producerGroup: 'p' }));
    const { brokerName } = broker.config;
    const sendTo = (queueId: number, body: string) =>
      sender.send({ topic: 'T', body }, { queue: { topic: 'T', brokerName, queueId } });
    await sendTo(0, 'm0');
    await sendTo(0, 'm1');
    await sendTo(0, 'm2');
    await until(() => got.length === 2);
    await until(
      async () =>
        (await admin.consumerProgress('g', 'T')).find(
          ({ messageQueue }) => messageQueue.queueId === 0,
        )?.consumerOffset === 1,
    );
    await broker.close();
    broker = await boot();
    await until(async () => (await sendTo(1, 'n')) !== undefined);
    await until(() => got.includes('b1 n'));
    expect(got).toEqual(['a0 m0', 'a0 m1', 'b1 n']);
    end();
    await until(() => got.length === 5);
    expect(got.slice(3)).toEqual(['a0 m1', 'a0 m2']);
  });
});
