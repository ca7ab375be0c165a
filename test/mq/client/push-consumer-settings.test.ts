import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PushConsumer } from '../../../mq/client/push-consumer.ts';
import type { PushConsumerOptions } from '../../../mq/client/push-consumer-options.ts';
import { encodeConsumerList } from '../../../mq/protocol/consumer-list.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { closeOpened, open } from '../../support/opened.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import {
  record,
  routeOver,
  scriptedBroker,
  scriptedNameServer,
  servePulls,
} from './scripted-cluster.ts';
import type { ScriptedPeer } from './scripted-peer.ts';

const PULL = RequestCode.PULL_MESSAGE;

let clock: FakeClock;
let broker: ScriptedPeer;
let nameServer: ScriptedPeer;
let logger: RecordingLogger;

function consumer(options: Partial<PushConsumerOptions> = {}): PushConsumer {
  const member = new PushConsumer({
    namesrvAddr: nameServer.address,
    consumerGroup: 'g',
    clock,
    logger,
    shutdownGraceMs: 1,
    ...options,
  });
  broker.on(RequestCode.GET_CONSUMER_LIST_BY_GROUP, (_request, reply) => {
    reply({ code: 0, body: encodeConsumerList([member.clientId]) });
  });
  return open(member).subscribe('T');
}

const records = Array.from({ length: 5 }, (_, queueOffset) => record({ queueOffset }));

const pulls = (): number =>
  broker.requests(PULL).filter(({ extFields }) => extFields?.['topic'] === 'T').length;

beforeEach(async () => {
  clock = new FakeClock();
  logger = new RecordingLogger();
  broker = open(await scriptedBroker());
  nameServer = open(
    await scriptedNameServer({ T: routeOver([broker]), '%RETRY%g': routeOver([broker]) }),
  );
});

afterEach(async () => {
  const closing = closeOpened();
  let isClosed = false;
  void closing.then(() => (isClosed = true));
  await clock.advanceUntil(() => isClosed);
});

describe('flow control', () => {
  it('tells why a queue is held back, with numbers, when asked and now and then in the log', async () => {
    servePulls(broker, records);
    const member = consumer({ pullThresholdForQueue: 5 });
    let end: () => void = () => undefined;
    member.onMessages(() => new Promise((resolve) => (end = resolve)));
    await member.start();
    await clock.advanceUntil(() => member.flowControlled().length > 0, 50);
    expect(member.flowControlled()).toEqual([
      {
        queue: expect.objectContaining({ topic: 'T', queueId: 0 }) as unknown,
        reason: 'count',
        held: 5,
        limit: 5,
      },
    ]);
    await clock.advanceAndSettle(25_000);
    const told = logger.entries.filter(({ message }) => message.startsWith('fetches no more'));
    expect(told).toHaveLength(3);
    expect(told[0]?.level).toBe('debug');
    expect(told[1]?.fields).toMatchObject({ reason: 'count', held: 5, limit: 5 });
    expect(told[1]?.fields?.['times']).toBeGreaterThan(100);
    end();
    await clock.advanceUntil(() => member.flowControlled().length === 0);
  });
});

describe('a pull interval', () => {
  it('lets a queue rest after each pull that brought messages', async () => {
    servePulls(broker, records);
    const got: number[] = [];
    const member = consumer({ pullIntervalMs: 10_000, pullBatchSize: 1 });
    member.onMessage(({ queueOffset }) => void got.push(queueOffset));
    await member.start();
    await clock.advanceUntil(() => pulls() === 1, 1);
    await clock.advanceAndSettle(9_000);
    expect(pulls()).toBe(1);
    await clock.advanceAndSettle(1_000);
    expect(pulls()).toBe(2);
  });
});

describe('settings that cannot be', () => {
  it.each([
    [{ consumeThreadMin: 20 }, 'consumeThreadMin counts threads'],
    [{ consumeThreadMax: 64 }, 'set concurrency'],
    [{ consumeMessageBatchMaxSize: 0 }, 'consumeMessageBatchMaxSize is 0'],
    [
      { consumeMessageBatchMaxSize: 1025 },
      'consumeMessageBatchMaxSize is 1025, it must be at most 1024',
    ],
    [{ concurrency: 0 }, 'concurrency is 0'],
  ])('%j is refused', (options, message) => {
    expect(
      () => new PushConsumer({ namesrvAddr: 'x:1', consumerGroup: 'g', ...(options as object) }),
    ).toThrow(message);
  });

  it('a batch size for a listener of single messages is refused at the start', async () => {
    const member = consumer({ consumeMessageBatchMaxSize: 16 }).onMessage(() => undefined);
    await expect(member.start()).rejects.toThrow(
      'consumeMessageBatchMaxSize is 16, but the listener takes one message at a time',
    );
    expect(member.isRunning).toBe(false);
  });

  it('retries for a broadcasting consumer are refused at the start, unless it consumes in order', async () => {
    const member = consumer({
      messageModel: 'BROADCASTING',
      instanceName: 'i',
      maxReconsumeTimes: 3,
    }).onMessage(() => undefined);
    await expect(member.start()).rejects.toThrow('a broadcasting consumer retries nothing');
  });

  it('an impossible concurrency is refused while running, and nothing changes', () => {
    expect(() => consumer().setConcurrency(1.5)).toThrow('concurrency is 1.5');
  });
});
