import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
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

async function shrink(writeQueueNums: number, readQueueNums = writeQueueNums): Promise<void> {
  const { topics } = broker.broker.context;
  await topics.update({ ...topics.get('TopicA')!, readQueueNums, writeQueueNums });
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

  it('gets them where it is still written to while the other queues are drained', async () => {
    const properties = { DELAY: '5' };
    await broker.send({ topic: 'TopicA', queueId: 7, body: 'far', properties });
    await broker.send({ topic: 'TopicA', queueId: 2, body: 'near', properties });
    await shrink(4, 8);
    await clock.advanceAndSettle(MINUTE, () => settle(20));
    await broker.broker.context.schedule.settled();
    expect([await bodies(7), await bodies(3), await bodies(2)]).toEqual([[], ['far'], ['near']]);
  });

  it('gets them where it is read when nobody may write to it at all', async () => {
    await broker.send({ topic: 'TopicA', queueId: 7, body: 'far', properties: { DELAY: '5' } });
    await shrink(0, 2);
    await clock.advanceAndSettle(MINUTE, () => settle(20));
    await broker.broker.context.schedule.settled();
    expect(await bodies(1)).toEqual(['far']);
  });

  it('takes what a producer with an older route sends to a queue that is still read, and nothing beyond', async () => {
    await shrink(4, 6);
    const send = (queueId: number, version: number) =>
      broker.send({ topic: 'TopicA', queueId, body: `q${queueId}`, version });
    expect((await send(5, 413)).code).toBe(ResponseCode.SUCCESS);
    expect(await bodies(5)).toEqual(['q5']);
    const [newer, older] = [await send(6, 413), await send(6, 400)];
    expect([newer.code, older.code]).toEqual([
      ResponseCode.INVALID_PARAMETER,
      ResponseCode.SYSTEM_ERROR,
    ]);
    expect(newer.remark).toBe('queueId 6 is outside the 6 queues of topic[TopicA]');
    expect(await bodies(6)).toEqual([]);
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
