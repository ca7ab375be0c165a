import { afterAll, beforeAll, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  Admin,
  Producer,
  PushConsumer,
  type ConsumeContext,
  type ConsumedMessage,
  type ConsumeResult,
} from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { until } from '../../support/deadline.ts';
import { plays } from '../../support/plays.ts';

/** What a listener does with one delivery. A number is the level it asks for. */
type Act =
  'consume' | 'throw' | 'later' | 'nonsense' | 'reject nothing' | 'hang' | 'say why not' | number;

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 2, arbitrary: fc.constant('consume' as const) },
  { weight: 6, arbitrary: fc.constantFrom('throw', 'later', 'nonsense', 'reject nothing') },
  { weight: 1, arbitrary: fc.constant('hang' as const) },
  { weight: 1, arbitrary: fc.constant('say why not' as const) },
  { weight: 2, arbitrary: fc.constantFrom(-1, 0, 1, 18, 99) },
) as fc.Arbitrary<Act>;
const limit = fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined });

interface Plan {
  /** One per message: what happens at its deliveries; the last act is repeated. */
  readonly messages: readonly {
    readonly acts: readonly Act[];
    readonly limit: number | undefined;
  }[];
  readonly consumerLimit: number | undefined;
  readonly groupLimit: number;
  /** So many send-backs are refused, and the consumer sends copies. */
  readonly refusedCount: number;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  messages: fc.array(fc.record({ acts: fc.array(act, { minLength: 1, maxLength: 5 }), limit }), {
    minLength: 1,
    maxLength: 5,
  }),
  consumerLimit: limit,
  groupLimit: fc.integer({ min: 0, max: 4 }),
  refusedCount: fc.integer({ min: 0, max: 6 }),
});

/** The counts of retries a message is delivered with, and the one it has as a dead letter, if it becomes one. */
interface Life {
  readonly delivered: readonly number[];
  readonly dead: number | undefined;
}

function expectedLife(acts: readonly Act[], max: number): Life {
  const delivered: number[] = [];
  for (let count = 0; ; count++) {
    delivered.push(count);
    const done = acts[Math.min(count, acts.length - 1)];
    if (done === 'consume') return { delivered, dead: undefined };
    if (done === -1 || done === 'say why not' || count >= max)
      return { delivered, dead: count + 1 };
  }
}

function perform(done: Act, { signal }: ConsumeContext): Promise<ConsumeResult | void> {
  switch (done) {
    case 'consume':
      return Promise.resolve();
    case 'throw':
      throw new Error('no');
    case 'later':
      return Promise.resolve('RECONSUME_LATER');
    case 'nonsense':
      return Promise.resolve({ status: 'AGAIN' } as unknown as ConsumeResult);
    case 'reject nothing':
      return Promise.reject(null);
    case 'hang':
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    case 'say why not':
      return Promise.resolve({
        status: 'RECONSUME_LATER',
        delayTimeLevel: -1,
        deadLetterReason: 'no',
      });
    default:
      return Promise.resolve({ status: 'RECONSUME_LATER', delayTimeLevel: done });
  }
}

let mq: TestBroker;
let admin: Admin;
let producer: Producer;
let runCount = 0;

beforeAll(async () => {
  mq = await testBroker();
  admin = new Admin({ namesrvAddr: mq.namesrvAddr });
  producer = new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'p' });
});
afterAll(async () => {
  await producer.shutdown();
  await admin.shutdown();
  await mq.close();
});

async function lives({ messages, consumerLimit, groupLimit, refusedCount }: Plan): Promise<Life[]> {
  const run = ++runCount;
  const [topic, group] = [`T${run}`, `g${run}`];
  await mq.createTopic(topic, 2);
  await admin.updateSubscriptionGroup({ consumerGroup: group, retryMaxTimes: groupLimit });
  using _refusing =
    refusedCount === 0
      ? undefined
      : mq.faults.refuse('CONSUMER_SEND_MSG_BACK', { code: 'SYSTEM_ERROR', times: refusedCount });
  const delivered = messages.map((): number[] => []);
  const consumed = new Set<number>();
  const listen = (message: ConsumedMessage, context: ConsumeContext) => {
    expect(message.topic).toBe(topic);
    const index = Number(message.text());
    const { acts } = messages[index]!;
    const done = acts[Math.min(delivered[index]!.length, acts.length - 1)]!;
    delivered[index]!.push(message.reconsumeTimes);
    if (done === 'consume') consumed.add(index);
    return perform(done, context);
  };
  await using consumer = new PushConsumer({
    namesrvAddr: mq.namesrvAddr,
    consumerGroup: group,
    consumeTimeoutMs: 20,
    ...(consumerLimit !== undefined && { maxReconsumeTimes: consumerLimit }),
  })
    .subscribe(topic)
    .onMessage(listen);
  await consumer.start();
  for (const [index, { limit: own }] of messages.entries()) {
    const body = String(index);
    await producer.send({ topic, body, ...(own !== undefined && { maxReconsumeTimes: own }) });
  }
  const dead = async () =>
    new Map((await mq.dlq(group)).map((one) => [Number(one.text()), one.reconsumeTimes]));
  const advanced = async (probe: () => Promise<boolean>): Promise<boolean> => {
    await mq.clock.advance('2h');
    return probe();
  };
  await until(() => advanced(async () => consumed.size + (await dead()).size >= messages.length));
  // Nothing may be under way any more that would be consumed, or die, once again.
  await until(() =>
    advanced(
      async () => (await mq.lag(group, `%RETRY%${group}`)) + (await mq.lag(group, topic)) === 0,
    ),
  );
  expect(await mq.delayed(`%RETRY%${group}`)).toEqual([]);
  const letters = await dead();
  expect(await mq.dlq(group)).toHaveLength(letters.size);
  return messages.map((_, index) => ({ delivered: delivered[index]!, dead: letters.get(index) }));
}

it('ends every message as consumed or as a dead letter, one of both, its retries counted right, whatever its listener does', async () => {
  const property = fc.asyncProperty(plan, async (planned) => {
    const { messages, consumerLimit, groupLimit } = planned;
    const expected = messages.map(({ acts, limit: own }) =>
      expectedLife(acts, own ?? consumerLimit ?? groupLimit),
    );
    expect(await lives(planned)).toEqual(expected);
  });
  await fc.assert(property, plays(30));
}, 60_000);
