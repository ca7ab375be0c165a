import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MqError } from '../../../mq/errors.ts';
import type { RemotingCommand } from '../../../mq/protocol/frame.ts';
import type { MessageExt } from '../../../mq/protocol/message.ts';
import { decodeRecallHandle } from '../../../mq/protocol/recall-handle.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { MessageStore } from '../../../mq/store/message-store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { BrokerUnderTest, sendReply } from './broker-under-test.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const START = Date.parse('2030-01-01T00:00:00Z');

let clock: FakeClock;
let logger: RecordingLogger;
let broker: BrokerUnderTest;

beforeEach(async () => {
  clock = new FakeClock(START);
  logger = new RecordingLogger();
  broker = await BrokerUnderTest.start({ clock, logger });
  await broker.createTopic('TopicA', 4);
});

afterEach(async () => {
  await broker[Symbol.asyncDispose]();
});

function send(properties: Record<string, string>, body = 'hello'): Promise<RemotingCommand> {
  return broker.send({ topic: 'TopicA', properties, body });
}

async function delivered(): Promise<MessageExt[]> {
  await broker.broker.context.timers.settled();
  return broker.messages('TopicA');
}

async function bodies(): Promise<string[]> {
  return (await delivered()).map((message) => message.body.toString());
}

describe('a message with a time of its own', () => {
  it.each([
    ['TIMER_DELAY_MS', '1234', 1_234],
    ['TIMER_DELAY_SEC', '7', 7_000],
    ['TIMER_DELIVER_MS', String(START + 4_321), 4_321],
  ])(
    'in %s is delivered when it has come and not a millisecond before',
    async (name, value, ms) => {
      expect((await send({ [name]: value })).code).toBe(ResponseCode.SUCCESS);
      await clock.advanceAndSettle(ms - 1);
      expect(await bodies()).toEqual([]);
      await clock.advanceAndSettle(1);
      expect(await bodies()).toEqual(['hello']);
      await clock.advanceAndSettle(DAY);
      expect(await bodies()).toEqual(['hello']);
    },
  );

  it('is parked in the topic of the original, which says where it belongs and until when it waits', async () => {
    const reply = await broker.send({
      topic: 'TopicA',
      queueId: 2,
      properties: { TIMER_DELAY_MS: '1500', UNIQ_KEY: 'u', TAGS: 'T' },
    });
    expect(sendReply(reply)).toMatchObject({ queueId: 2, queueOffset: 0, transactionId: 'u' });
    const [parked] = await broker.messages('rmq_sys_wheel_timer');
    expect(Object.fromEntries(parked!.properties)).toMatchObject({
      REAL_TOPIC: 'TopicA',
      REAL_QID: '2',
      TIMER_OUT_MS: String(START + 1500),
      TIMER_DELAY_MS: '1500',
      UNIQ_KEY: 'u',
    });
    await clock.advanceAndSettle(1500);
    await broker.broker.context.timers.settled();
    const [message] = await broker.messages('TopicA', 2);
    expect(message).toMatchObject({ queueId: 2, bornTimestamp: 1_795_171_183_438, msgId: 'u' });
    expect(Object.fromEntries(message!.properties)).toMatchObject({
      TAGS: 'T',
      TIMER_OUT_MS: String(START + 1500),
      TIMER_DEQUEUE_MS: String(START + 1500),
    });
    expect(message?.properties.has('REAL_TOPIC')).toBe(false);
  });

  it('goes by the seconds before the milliseconds, and by a delay before a time', async () => {
    await send({ TIMER_DELIVER_MS: String(START + 1), TIMER_DELAY_MS: '2', TIMER_DELAY_SEC: '3' });
    await clock.advanceAndSettle(2_999);
    expect(await bodies()).toEqual([]);
    await clock.advanceAndSettle(1);
    expect(await bodies()).toEqual(['hello']);
  });

  it('goes by its delay level when it has one, once and for all', async () => {
    await send({ DELAY: '1', TIMER_DELAY_MS: '60000' });
    const [parked] = await broker.messages('SCHEDULE_TOPIC_XXXX');
    expect(parked?.properties.has('TIMER_DELAY_MS')).toBe(false);
    expect(await broker.messages('rmq_sys_wheel_timer')).toEqual([]);
  });

  it.each([
    ['TIMER_DELIVER_MS', String(START)],
    ['TIMER_DELIVER_MS', String(START - DAY)],
    ['TIMER_DELAY_MS', '0'],
    ['TIMER_DELAY_SEC', '-5'],
  ])('that has passed (%s %s) is delivered at once', async (name, value) => {
    const reply = await send({ [name]: value });
    expect(sendReply(reply).recallHandle).toBeUndefined();
    expect(await bodies()).toEqual(['hello']);
  });

  it.each([
    ['TIMER_DELAY_MS', 'soon'],
    ['TIMER_DELAY_SEC', '1.5'],
    ['TIMER_DELIVER_MS', '2030-01-01'],
  ])('in %s that is no number is refused, naming both', async (name, value) => {
    const reply = await send({ [name]: value });
    expect(reply.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
    expect(reply.remark).toContain(name);
    expect(reply.remark).toContain(JSON.stringify(value));
    expect(broker.broker.store.maxCommitLogOffset).toBe(0);
  });

  it('over the limit is refused with both numbers, and at the limit it is taken', async () => {
    await broker.restart({ timerMaxDelaySec: 60 });
    for (const properties of [
      { TIMER_DELAY_MS: '60001' },
      { TIMER_DELAY_SEC: '61' },
      { TIMER_DELIVER_MS: String(START + 60_001) },
      { TIMER_DELAY_MS: '9999999999999999999' },
    ]) {
      const reply = await send(properties);
      expect(reply.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
      expect(reply.remark).toContain('60000 ms');
    }
    expect((await send({ TIMER_DELAY_SEC: '61' })).remark).toContain('61000 ms');
    expect((await send({ TIMER_DELAY_MS: '60000' })).code).toBe(ResponseCode.SUCCESS);
  });

  it('of a year is kept for the year', async () => {
    await send({ TIMER_DELAY_SEC: '31536000' });
    await broker.stop();
    clock.advance(365 * DAY - 1);
    await broker.restart();
    expect(await bodies()).toEqual([]);
    await clock.advanceAndSettle(1);
    expect(await bodies()).toEqual(['hello']);
  });

  it('is not made to wait again when a consumer sends it back', async () => {
    await send({ TIMER_DELAY_MS: '5' });
    await clock.advanceAndSettle(5);
    const [message] = await delivered();
    await send(Object.fromEntries(message!.properties), 'again');
    expect(await bodies()).toEqual(['hello', 'again']);
  });

  it('is dropped, with a log line, when its topic is deleted while it waits', async () => {
    await send({ TIMER_DELAY_MS: '10' });
    await broker.broker.context.topics.delete('TopicA');
    await clock.advanceAndSettle(10);
    expect(await bodies()).toEqual([]);
    expect(logger.messages('warn')).toContain(
      'a message that waited for its time has nowhere to go and is dropped',
    );
    expect(broker.broker.context.timers.size).toBe(0);
  });

  it('cannot be sent by the name of the topic where it would wait', async () => {
    const reply = await broker.send({ topic: 'rmq_sys_wheel_timer' });
    expect(reply.code).toBe(ResponseCode.TOPIC_NOT_EXIST);
  });
});

describe('many timers', () => {
  it('are delivered in the order of their times, whatever the order they came in', async () => {
    for (const ms of [30, 10, 20]) {
      await send({ TIMER_DELAY_MS: String(ms) }, `relative ${ms}`);
      await send({ TIMER_DELIVER_MS: String(START + ms + 5) }, `absolute ${ms + 5}`);
    }
    clock.advance(100);
    expect(await bodies()).toEqual([
      'relative 10',
      'absolute 15',
      'relative 20',
      'absolute 25',
      'relative 30',
      'absolute 35',
    ]);
  });

  it('that are due at one time go out in bounded batches', async () => {
    const sent = Array.from({ length: 900 }, (_, index) => String(index));
    await Promise.all(sent.map((body) => send({ TIMER_DELIVER_MS: String(START + SECOND) }, body)));
    const append = jest.spyOn(broker.broker.store, 'append');
    let turnsWithAppends = 0;
    let seen = 0;
    await clock.advanceAndSettle(SECOND - 1);
    clock.advance(1);
    while (broker.broker.context.timers.size > 0) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      const count = append.mock.calls.length;
      expect(count - seen).toBeLessThanOrEqual(256);
      if (count > seen) turnsWithAppends++;
      seen = count;
    }
    expect(turnsWithAppends).toBeGreaterThanOrEqual(4);
    expect((await bodies()).toSorted()).toEqual(sent.toSorted());
  });

  it('that the store refuses are tried again, each alone, without a second copy of its neighbours', async () => {
    for (const body of ['a', 'b', 'c']) await send({ TIMER_DELAY_MS: '10' }, body);
    const { store } = broker.broker;
    const append = jest.spyOn(store, 'append');
    const full = new MqError('SERVICE_NOT_AVAILABLE', 'the disk is full', { retriable: true });
    append.mockImplementation((message) =>
      message.body.toString() === 'b'
        ? Promise.reject(full)
        : MessageStore.prototype.append.call(store, message),
    );
    await clock.advanceAndSettle(10);
    expect(await bodies()).toEqual(['a', 'c']);
    await send({ TIMER_DELAY_MS: '500' }, 'd');
    await clock.advanceAndSettle(500);
    expect(await bodies()).toEqual(['a', 'c', 'd']);
    await clock.advanceAndSettle(5 * SECOND);
    expect(await bodies()).toEqual(['a', 'c', 'd']);
    append.mockRestore();
    await clock.advanceAndSettle(SECOND);
    expect(await bodies()).toEqual(['a', 'c', 'd', 'b']);
  });

  it('wait for a store that refuses all of them without reading them over and over', async () => {
    for (let index = 0; index < 600; index++) {
      await send({ TIMER_DELAY_MS: '600000' }, String(index));
    }
    const { store } = broker.broker;
    const append = jest.spyOn(store, 'append');
    const full = new MqError('SERVICE_NOT_AVAILABLE', 'the disk is full', { retriable: true });
    append.mockRejectedValue(full);
    await clock.advanceAndSettle(600_000);
    await broker.broker.context.timers.settled();
    expect(append).toHaveBeenCalledTimes(256);
    append.mockRestore();
    await clock.advanceAndSettle(3 * SECOND);
    expect(new Set(await bodies()).size).toBe(600);
    expect(await bodies()).toHaveLength(600);
  });

  it('are delivered although maxMessageSize has become smaller since: they were taken when they were sent', async () => {
    await send({ TIMER_DELAY_MS: '10' }, 'x'.repeat(2000));
    await broker.restart({ maxMessageSize: 1000 });
    await clock.advanceAndSettle(10);
    expect(await bodies()).toHaveLength(1);
  });

  it('are skipped, with a log line, when the store can never take them', async () => {
    await send({ TIMER_DELAY_MS: '10' }, 'never');
    await send({ TIMER_DELAY_MS: '10' }, 'small');
    const { store } = broker.broker;
    jest
      .spyOn(store, 'append')
      .mockImplementation((message) =>
        message.body.toString() === 'never'
          ? Promise.reject(new MqError('MESSAGE_ILLEGAL', 'not this one'))
          : MessageStore.prototype.append.call(store, message),
      );
    await clock.advanceAndSettle(10);
    expect(await bodies()).toEqual(['small']);
    expect(logger.messages('error')).toEqual([
      'a message that waited for its time cannot be stored where it belongs and is skipped',
    ]);
  });
});

describe('a wall clock that is set', () => {
  it('back makes a delay no longer, and delivers nothing early that comes after', async () => {
    await send({ TIMER_DELAY_MS: '60000' }, 'before');
    await clock.advanceAndSettle(30_000);
    clock.jumpWallClock(-DAY);
    await send({ TIMER_DELAY_MS: '60000' }, 'after');
    await clock.advanceAndSettle(29_999);
    expect(await bodies()).toEqual([]);
    await clock.advanceAndSettle(1);
    expect(await bodies()).toEqual(['before']);
    await clock.advanceAndSettle(29_999);
    expect(await bodies()).toEqual(['before']);
    await clock.advanceAndSettle(1);
    expect(await bodies()).toEqual(['before', 'after']);
  });

  it('back keeps what waits for a time waiting for that time', async () => {
    await send({ TIMER_DELIVER_MS: String(START + MINUTE) });
    clock.jumpWallClock(-MINUTE);
    await clock.advanceAndSettle(MINUTE);
    expect(await bodies()).toEqual([]);
    await clock.advanceAndSettle(MINUTE);
    expect(await bodies()).toEqual(['hello']);
  });

  it('back behind a time at which the store refused the message makes it wait for that time again', async () => {
    const append = jest.spyOn(broker.broker.store, 'append');
    await send({ TIMER_DELIVER_MS: String(START + 10) });
    append.mockRejectedValue(new MqError('SERVICE_NOT_AVAILABLE', 'full', { retriable: true }));
    await clock.advanceAndSettle(10);
    append.mockRestore();
    clock.jumpWallClock(-MINUTE);
    await clock.advanceAndSettle(MINUTE - 1);
    expect(await bodies()).toEqual([]);
    await clock.advanceAndSettle(1);
    expect(await bodies()).toEqual(['hello']);
  });

  it('back before a restart makes a delay no longer', async () => {
    await send({ TIMER_DELAY_MS: '60000' });
    clock.jumpWallClock(-DAY);
    await clock.advanceAndSettle(30_000);
    await broker.restart();
    await clock.advanceAndSettle(29_999);
    expect(await bodies()).toEqual([]);
    await clock.advanceAndSettle(1);
    expect(await bodies()).toEqual(['hello']);
  });

  it('forward delivers within ten seconds what is due then, in order', async () => {
    await send({ TIMER_DELIVER_MS: String(START + 2 * DAY) }, 'third');
    await send({ TIMER_DELAY_MS: String(DAY) }, 'second');
    await send({ TIMER_DELIVER_MS: String(START + DAY - 1) }, 'first');
    await send({ TIMER_DELIVER_MS: String(START + 4 * DAY) }, 'not yet');
    clock.jumpWallClock(3 * DAY);
    await clock.advanceAndSettle(10 * SECOND);
    expect(await bodies()).toEqual(['first', 'second', 'third']);
  });
});

describe('timers across a restart', () => {
  it('are delivered once, those delivered before not again', async () => {
    await send({ TIMER_DELAY_MS: '10' }, 'before');
    await send({ TIMER_DELAY_MS: '60000' }, 'after');
    await send({ TIMER_DELIVER_MS: String(START + 30_000) }, 'meanwhile');
    await clock.advanceAndSettle(10);
    expect(await bodies()).toEqual(['before']);
    await broker.stop();
    clock.advance(40_000);
    await broker.restart();
    expect(await bodies()).toEqual(['before', 'meanwhile']);
    await broker.restart();
    await clock.advanceAndSettle(DAY);
    expect(await bodies()).toEqual(['before', 'meanwhile', 'after']);
  });

  it('leave no timer of the process behind', async () => {
    await send({ TIMER_DELAY_MS: '60000' });
    await broker.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a message that waits longer than the roll window', () => {
  it('is stored anew, again and again, and delivered once, on time', async () => {
    await broker.restart({ timerRollWindowSlot: 3600 });
    await send({ TIMER_DELAY_MS: String(DAY / 4), UNIQ_KEY: 'u' });
    await clock.advanceAndSettle(DAY / 4 - 1);
    expect(await bodies()).toEqual([]);
    const parked = await broker.messages('rmq_sys_wheel_timer');
    expect(parked.length).toBeGreaterThanOrEqual(5);
    const last = Object.fromEntries(parked.at(-1)!.properties);
    expect(last).toMatchObject({
      TIMER_ROLL_TIMES: String(parked.length - 1),
      TIMER_OUT_MS: String(START + DAY / 4),
      UNIQ_KEY: 'u',
    });
    expect(broker.broker.context.timers.size).toBe(1);
    await broker.restart({ timerRollWindowSlot: 3600 });
    await clock.advanceAndSettle(1);
    expect(await bodies()).toEqual(['hello']);
    await clock.advanceAndSettle(DAY);
    expect(await bodies()).toEqual(['hello']);
  });
});

it('the handle of a message that waits is in the original’s format', async () => {
  const reply = await send({ TIMER_DELAY_MS: '1500', UNIQ_KEY: 'u' });
  const { recallHandle } = sendReply(reply);
  expect(Buffer.from(recallHandle!, 'base64url').toString()).toBe(
    `v1 TopicA broker-a ${START + 1501} u`,
  );
  expect(decodeRecallHandle(recallHandle!)).toEqual({
    topic: 'TopicA',
    brokerName: 'broker-a',
    timestampMs: START + 1501,
    msgId: 'u',
  });
});
