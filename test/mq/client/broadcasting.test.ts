import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Admin,
  Producer,
  PushConsumer,
  type ConsumedMessage,
  type ConsumeOrderlyResult,
  type ConsumeResult,
  type PushConsumerOptions,
} from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { until } from '../../support/deadline.ts';
import { closeOpened, open } from '../../support/opened.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

let mq: TestBroker;
let directory: string;
let producer: Producer;

interface Member {
  member: PushConsumer;
  got: string[];
  logger: RecordingLogger;
}

function broadcasting(
  instanceName: string,
  options: Partial<PushConsumerOptions> = {},
  handle: (message: ConsumedMessage) => ConsumeResult | undefined = () => undefined,
): Member {
  const got: string[] = [];
  const logger = new RecordingLogger();
  const member = new PushConsumer({
    namesrvAddr: mq.namesrvAddr,
    consumerGroup: 'b',
    messageModel: 'BROADCASTING',
    clientIp: '10.0.0.1',
    instanceName,
    offsetStoreDir: directory,
    logger,
    ...options,
  });
  member.subscribe('T').onMessage((message) => {
    got.push(message.text());
    return handle(message);
  });
  return { member: open(member), got, logger };
}

async function send(...bodies: string[]): Promise<void> {
  for (const body of bodies) await producer.send({ topic: 'T', body });
}

const offsetsFile = (instanceName: string): string =>
  join(directory, `10.0.0.1@${instanceName}`, 'b', 'offsets.json');

async function has(member: Member, ...bodies: string[]): Promise<void> {
  await until(() => member.got.length >= bodies.length, { what: `all of ${bodies.join(' ')}` });
  expect(member.got.toSorted()).toEqual(bodies);
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-broadcasting-'));
  open({ [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) });
  mq = open(await testBroker());
  await mq.createTopic('T', 4);
  producer = open(new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'p' }));
  await producer.start();
});

afterEach(closeOpened);

describe('a broadcast message', () => {
  it('reaches every member, each of which has every queue', async () => {
    const members = [broadcasting('one'), broadcasting('two')];
    for (const { member } of members) await member.start();
    for (const { member } of members) expect(member.assignedQueues()).toHaveLength(4);
    await send('1', '2', '3', '4', '5', '6');
    for (const member of members) await has(member, '1', '2', '3', '4', '5', '6');
  });

  it('waits for a member that is away, which goes on where it left off', async () => {
    const one = broadcasting('one');
    await one.member.start();
    await send('1', '2');
    await has(one, '1', '2');
    await one.member.shutdown();
    await send('3', '4');
    const again = broadcasting('one');
    await again.member.start();
    await has(again, '3', '4');
    expect(await readFile(offsetsFile('one'), 'utf8')).toMatch(/^\{"offsetTable":\{\{"brokerName"/);
  });

  it('of before its first start is not missed by a member that begins at the first offset', async () => {
    await send('1', '2');
    const [last, first] = [
      broadcasting('last'),
      broadcasting('first', { consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' }),
    ];
    await last.member.start();
    await first.member.start();
    await has(first, '1', '2');
    await send('3');
    await has(first, '1', '2', '3');
    await until(() => last.got.includes('3'), { what: 'the message behind its start' });
  });

  it('that fails is dropped, logged with its reason and counted, and comes back to nobody', async () => {
    const failing = broadcasting('failing', {}, (message) => {
      if (message.text() === '1') throw new Error('not today');
      return message.text() === '2'
        ? { status: 'RECONSUME_LATER', delayTimeLevel: -1, deadLetterReason: 'sold out' }
        : undefined;
    });
    await failing.member.start();
    await send('1', '2', '3');
    await has(failing, '1', '2', '3');
    await until(() => failing.member.droppedCount === 2, { what: 'both dropped' });
    const drops = failing.logger.entries.filter(({ fields }) => fields?.['droppedCount']);
    expect(drops.map(({ fields }) => fields)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ reason: 'its listener failed' }),
        expect.objectContaining({ deadLetterReason: 'sold out' }),
      ]),
    );
    await mq.drain('b', 'T');
    expect(failing.got).toHaveLength(3);
    expect(await mq.dlq('b')).toEqual([]);
  });
});

describe('a broadcasting consumer', () => {
  it('in order retries in place, and drops what failed as often as it may', async () => {
    const got: string[] = [];
    const consumer = new PushConsumer({
      namesrvAddr: mq.namesrvAddr,
      consumerGroup: 'b',
      messageModel: 'BROADCASTING',
      instanceName: 'orderly',
      offsetStoreDir: directory,
      suspendCurrentQueueTimeMs: 10,
      maxReconsumeTimes: 2,
    });
    const fails = (message: ConsumedMessage): ConsumeOrderlyResult =>
      message.text() === '1' ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS';
    consumer.subscribe('T').onMessageOrderly((message) => {
      got.push(`${message.text()}:${message.reconsumeTimes}`);
      return fails(message);
    });
    await open(consumer).start();
    const queue = { topic: 'T', brokerName: 'broker-a', queueId: 0 };
    for (const body of ['1', '2']) await producer.send({ topic: 'T', body }, { queue });
    await until(() => got.length === 4, { what: 'two messages, one of them three times' });
    expect(got).toEqual(['1:0', '1:1', '1:2', '2:0']);
    expect(consumer.droppedCount).toBe(1);
  });

  it('does not subscribe to the retry topic, and keeps its progress from the broker', async () => {
    const one = broadcasting('one');
    await one.member.start();
    await send('1');
    await has(one, '1');
    const topics = one.member.assignedQueues().map(({ topic }) => topic);
    expect(new Set(topics)).toEqual(new Set(['T']));
    await one.member.shutdown();
    const admin = open(new Admin({ namesrvAddr: mq.namesrvAddr }));
    const progress = await admin.consumerProgress('b', 'T');
    expect(progress.every(({ consumerOffset }) => !consumerOffset)).toBe(true);
  });

  it('gets nothing where its group may not broadcast, which is said aloud, and all of it when it may', async () => {
    const admin = open(new Admin({ namesrvAddr: mq.namesrvAddr }));
    await admin.updateSubscriptionGroup({ consumerGroup: 'b', consumeBroadcastEnable: false });
    const one = broadcasting('one', { consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
    await one.member.start();
    await send('1');
    await until(() => one.logger.messages('warn').includes('cannot pull from a queue'), {
      what: 'the refusal in the log',
    });
    const { fields } = one.logger.entries.find(({ level }) => level === 'warn')!;
    expect(fields?.['error']).toContain('can not consume by broadcast way');
    expect(one.got).toEqual([]);
    await admin.updateSubscriptionGroup({ consumerGroup: 'b', consumeBroadcastEnable: true });
    await until(() => one.got.length === 1, { what: 'the message', timeoutMs: 20_000 });
  });

  it('goes on over a restart of the broker', async () => {
    const one = broadcasting('one');
    await one.member.start();
    await send('1');
    await has(one, '1');
    await mq.kill();
    await mq.restart();
    await send('2');
    await until(() => one.got.includes('2'), {
      what: 'the message after the restart',
      timeoutMs: 20_000,
    });
    expect(one.got).toEqual(['1', '2']);
  });

  it('begins with the backup of a damaged file', async () => {
    const one = broadcasting('one');
    await one.member.start();
    await send('1');
    await has(one, '1');
    await one.member.shutdown();
    await writeFile(offsetsFile('one'), '{"offsetTab');
    const again = broadcasting('one');
    await again.member.start();
    expect(again.logger.messages('error')).toEqual(['a config file cannot be parsed']);
    await send('2');
    // The backup is older by one report: at least once.
    await until(() => again.got.includes('2'), { what: 'the message sent last' });
  });

  it('does not start beside one of its group and name, and may when that is gone', async () => {
    const one = broadcasting('one');
    await one.member.start();
    const twin = broadcasting('one');
    await expect(twin.member.start()).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(twin.member.isRunning).toBe(false);
    await one.member.shutdown();
    await twin.member.start();
    expect(twin.member.isRunning).toBe(true);
  });

  it.each([
    [{ messageModel: 'BROADCASTING' }, 'needs an instanceName'],
    [{ offsetStoreDir: '/x' }, 'offsetStoreDir means nothing with messageModel CLUSTERING'],
    [
      { messageModel: 'BROADCASTING', instanceName: 'i', allocateMessageQueueStrategy: 'AVG' },
      'allocateMessageQueueStrategy means nothing with messageModel BROADCASTING',
    ],
    [{ messageModel: 'SHOUTING' as never }, 'messageModel is SHOUTING'],
  ] satisfies [Partial<PushConsumerOptions>, string][])('refuses %j', (options, message) => {
    expect(() => new PushConsumer({ namesrvAddr: 'x:1', consumerGroup: 'b', ...options })).toThrow(
      message,
    );
  });
});
