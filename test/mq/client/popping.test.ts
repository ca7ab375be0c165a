import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Admin,
  Producer,
  PushConsumer,
  type ConsumedMessage,
  type ConsumeResult,
  type PushConsumerOptions,
} from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { until } from '../../support/deadline.ts';
import { failure } from '../../support/failure.ts';
import { closeOpened, open } from '../../support/opened.ts';

let mq: TestBroker;
let admin: Admin;
let sender: Producer;

beforeEach(async () => {
  mq = open(await testBroker());
  await mq.createTopic('T', 4);
  admin = open(new Admin({ namesrvAddr: mq.namesrvAddr }));
  sender = open(new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'p' }));
});

afterEach(closeOpened);

type Handle = (message: ConsumedMessage) => ConsumeResult | undefined | Promise<undefined>;

/** A member of group g, whose queues the broker shares out, and what it got. */
function member(
  handle: Handle = () => undefined,
  options: Partial<PushConsumerOptions> = {},
): { consumer: PushConsumer; got: ConsumedMessage[] } {
  const got: ConsumedMessage[] = [];
  const consumer = new PushConsumer({
    namesrvAddr: mq.namesrvAddr,
    consumerGroup: 'g',
    clientRebalance: false,
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    ...options,
  });
  consumer.subscribe('T').onMessage((message) => {
    got.push(message);
    return handle(message);
  });
  return { consumer: open(consumer), got };
}

async function send(count: number): Promise<void> {
  for (let index = 0; index < count; index++) await sender.send({ topic: 'T', body: `m${index}` });
}

const pop = (): Promise<void> =>
  admin.setMessageRequestMode({ topic: 'T', consumerGroup: 'g', mode: 'POP' });
const texts = (messages: readonly ConsumedMessage[]): string[] =>
  messages.map((message) => message.text()).toSorted();
const invisible = (): number => mq.broker.context.popping.pops.invisibleCount;

describe('a group that pops', () => {
  it('consumes everything once, each member from every queue', async () => {
    await pop();
    const one = member();
    const two = member();
    await Promise.all([one.consumer.start(), two.consumer.start()]);
    const anyQueue = [{ topic: 'T', brokerName: 'broker-a', queueId: -1 }];
    for (const { consumer } of [one, two]) {
      expect(consumer.assignedQueues().filter(({ topic }) => topic === 'T')).toEqual(anyQueue);
    }
    await send(100);
    await until(() => one.got.length + two.got.length >= 100);
    await until(() => invisible() === 0);
    expect(new Set(texts([...one.got, ...two.got])).size).toBe(100);
    expect(one.got.length + two.got.length).toBe(100);
    expect(await mq.lag('g', 'T')).toBe(0);
  });

  it('gets a message again whose listener failed, after the delays of Java’s popping consumers, and its count', async () => {
    await pop();
    let fails = 2;
    const { consumer, got } = member(() => (fails-- > 0 ? 'RECONSUME_LATER' : undefined));
    // From then on it waits for its delay, and no longer for its invisible time.
    using failed = mq.faults.delayReplies('1ms', { request: 'CHANGE_MESSAGE_INVISIBLETIME' });
    await consumer.start();
    await send(1);
    await failed.struck(1);
    await mq.clock.advance('9s');
    expect(got).toHaveLength(1);
    await mq.clock.advance('2s');
    await failed.struck(2);
    expect(got).toHaveLength(2);
    await mq.clock.advance('31s');
    await until(() => got.length === 3 && invisible() === 0);
    expect(got.map(({ reconsumeTimes, topic }) => ({ reconsumeTimes, topic }))).toEqual([
      { reconsumeTimes: 0, topic: 'T' },
      { reconsumeTimes: 1, topic: 'T' },
      { reconsumeTimes: 2, topic: 'T' },
    ]);
  });

  it('gives up a message at the limit of its consumer, and when a listener says so', async () => {
    await pop();
    const { consumer, got } = member(
      (message) =>
        message.text() === 'm0'
          ? 'RECONSUME_LATER'
          : { status: 'RECONSUME_LATER', delayTimeLevel: -1 },
      { maxReconsumeTimes: 0 },
    );
    await consumer.start();
    await send(2);
    expect(texts(await mq.dlq('g', { atLeast: 2 }))).toEqual(['m0', 'm1']);
    await until(() => invisible() === 0);
    expect(got).toHaveLength(2);
  });

  it('gives the messages of a member that hangs to another when their time is over', async () => {
    await pop();
    const hangs = member(() => new Promise<undefined>(() => undefined), { shutdownGraceMs: 1 });
    await hangs.consumer.start();
    await send(3);
    await until(() => hangs.got.length === 3);
    // Its listeners go on hanging; it would get what it has let go of as well.
    await hangs.consumer.shutdown();
    const { consumer, got } = member();
    await consumer.start();
    await mq.clock.advance('61s');
    await until(() => got.length === 3);
    expect(got.map(({ reconsumeTimes }) => reconsumeTimes)).toEqual([1, 1, 1]);
    await until(() => invisible() === 0);
  });

  it('goes on after its broker was killed, with nothing lost', async () => {
    await pop();
    const { consumer, got } = member();
    await consumer.start();
    await send(20);
    await until(() => got.length >= 20);
    await mq.kill();
    await mq.restart();
    await sender.send({ topic: 'T', body: 'after' });
    await until(() => texts(got).includes('after'), { timeoutMs: 30_000 });
    await until(() => invisible() === 0);
    expect(new Set(texts(got)).size).toBe(21);
  });

  it('stops to pop when its member is suspended, and goes on', async () => {
    await pop();
    const { consumer, got } = member();
    await consumer.start();
    consumer.suspend();
    // A pop that is on its way may still bring one.
    await send(40);
    expect(got.length).toBe(0);
    consumer.resume();
    await until(() => got.length === 40);
  });
});

describe('a group whose queues the broker shares out to be pulled', () => {
  it('has a share of them each, and retries as any', async () => {
    const one = member();
    const two = member();
    await Promise.all([one.consumer.start(), two.consumer.start()]);
    const queuesOf = ({ consumer }: typeof one): number[] =>
      consumer
        .assignedQueues()
        .filter(({ topic }) => topic === 'T')
        .map(({ queueId }) => queueId);
    await until(() => queuesOf(one).length === 2 && queuesOf(two).length === 2);
    expect([...queuesOf(one), ...queuesOf(two)].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3]);
    await send(20);
    await until(() => one.got.length + two.got.length === 20);
    expect(invisible()).toBe(0);
  });
});

describe('a consumer that leaves its assignment to brokers', () => {
  it('is refused what means nothing then', async () => {
    const { namesrvAddr } = mq;
    const options = { namesrvAddr, consumerGroup: 'g' };
    const make = (more: Partial<PushConsumerOptions>) => () =>
      new PushConsumer({ ...options, ...more });
    expect(make({ popBatchNums: 8 })).toThrow('unless clientRebalance is false');
    expect(make({ clientRebalance: false, popBatchNums: 33 })).toThrow('33, it must be in 1..32');
    expect(make({ clientRebalance: false, popInvisibleTimeMs: 4_999 })).toThrow('4999');
    expect(
      make({ clientRebalance: false, messageModel: 'BROADCASTING', instanceName: 'i' }),
    ).toThrow('BROADCASTING');
    expect(
      make({ clientRebalance: false, allocateMessageQueueStrategy: 'CONSISTENT_HASH' }),
    ).toThrow('AVG or AVG_BY_CIRCLE');
    const ordered = open(make({ clientRebalance: false })()).subscribe('T');
    ordered.onMessageOrderly(() => undefined);
    expect(await failure(ordered.start())).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(
      await failure(
        admin.setMessageRequestMode({ topic: 'none', consumerGroup: 'g', mode: 'POP' }),
      ),
    ).toMatchObject({ code: 'NO_ROUTE' });
  });
});
