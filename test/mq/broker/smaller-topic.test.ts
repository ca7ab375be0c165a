import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { BrokerUnderTest } from './broker-under-test.ts';
import { ProducerUnderTest } from './producer-under-test.ts';

const MINUTE = 60_000;

let clock: FakeClock;
let broker: BrokerUnderTest;

beforeEach(async () => {
  clock = new FakeClock();
  broker = await BrokerUnderTest.start({
    clock,
    config: { serverChannelMaxIdleTimeSeconds: 86_400 },
  });
  await broker.createTopic('TopicA', 8);
});

afterEach(async () => {
  await broker[Symbol.asyncDispose]();
});

async function shrink(queueNums: number): Promise<void> {
  const { topics } = broker.broker.context;
  const config = topics.get('TopicA')!;
  await topics.update({ ...config, readQueueNums: queueNums, writeQueueNums: queueNums });
}

async function bodies(queueId: number): Promise<string[]> {
  return (await broker.messages('TopicA', queueId)).map(({ body }) => body.toString());
}

describe('a topic that became smaller while messages waited', () => {
  it.each([
    ['a delay level', { DELAY: '5' }],
    ['a time of their own', { TIMER_DELAY_MS: String(MINUTE) }],
  ])('gets them all, for %s: they went to a queue that nobody reads', async (_what, properties) => {
    await broker.send({ topic: 'TopicA', queueId: 7, body: 'far', properties });
    await broker.send({ topic: 'TopicA', queueId: 2, body: 'near', properties });
    await shrink(4);
    await clock.advanceAndSettle(MINUTE, () => settle(20));
    await broker.broker.context.timers.settled();
    await broker.broker.context.schedule.settled();
    expect([await bodies(3), await bodies(2)]).toEqual([['far'], ['near']]);
  });

  it('gets a committed message', async () => {
    await using producer = new ProducerUnderTest(broker.broker.address, 'p1');
    await producer.heartbeat();
    const half = await producer.half({ topic: 'TopicA', queueId: 7, body: 'work' });
    await shrink(4);
    await producer.commit(half);
    expect(await bodies(3)).toEqual(['work']);
  });
});
