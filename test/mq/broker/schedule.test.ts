import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MqError } from '../../../mq/errors.ts';
import { SystemTopic } from '../../../mq/protocol/names.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { MessageStore } from '../../../mq/store/message-store.ts';
import { until } from '../../support/deadline.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { BrokerUnderTest, sendReply } from './broker-under-test.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

let clock: FakeClock;
let logger: RecordingLogger;
let broker: BrokerUnderTest;

beforeEach(async () => {
  clock = new FakeClock();
  logger = new RecordingLogger();
  broker = await BrokerUnderTest.start({ clock, logger });
  await broker.createTopic('TopicA', 4);
});

afterEach(async () => {
  await broker[Symbol.asyncDispose]();
});

function delayed(level: number, body = 'later', queueId = 1): Promise<unknown> {
  return broker.send({
    topic: 'TopicA',
    queueId,
    body,
    properties: { DELAY: String(level), TAGS: 'T' },
  });
}

/** Delivered up to, parked up to. */
function progressOf(level: number): string | undefined {
  return broker.broker.context.schedule.progress()[`scheduleMessageOffset_${level}`];
}

async function delivered(queueId = 1): Promise<string[]> {
  const messages = await broker.messages('TopicA', queueId);
  return messages.map((message) => message.body.toString());
}

describe('a message with a delay level', () => {
  it('is parked with its topic and queue, and the reply names the queue it was sent to', async () => {
    const reply = await broker.send({
      topic: 'TopicA',
      queueId: 1,
      properties: { DELAY: '4', UNIQ_KEY: 'u' },
    });
    expect(reply.code).toBe(ResponseCode.SUCCESS);
    expect(sendReply(reply)).toMatchObject({ queueId: 1, queueOffset: 0 });
    const [parked] = await broker.messages('SCHEDULE_TOPIC_XXXX', 3);
    expect(Object.fromEntries(parked!.properties)).toMatchObject({
      REAL_TOPIC: 'TopicA',
      REAL_QID: '1',
      DELAY: '4',
      UNIQ_KEY: 'u',
    });
    expect(await delivered()).toEqual([]);
  });

  it('is delivered when its time has come and not a millisecond before', async () => {
    await delayed(2);
    await clock.advanceAndSettle(5 * SECOND - 1);
    await settle(20);
    expect(await delivered()).toEqual([]);
    await clock.advanceAndSettle(1);
    await until(async () => (await delivered()).length === 1);
    const [message] = await broker.messages('TopicA', 1);
    expect(message).toMatchObject({
      queueId: 1,
      bornTimestamp: 1_795_171_183_438,
      reconsumeTimes: 0,
    });
    expect(message?.properties.get('TAGS')).toBe('T');
    expect(message?.properties.get('REAL_TOPIC')).toBe('TopicA');
  });

  it('does not wait behind a longer delay', async () => {
    await delayed(5, 'in a minute');
    await delayed(1, 'in a second');
    await clock.advanceAndSettle(SECOND);
    await until(async () => (await delivered()).length === 1);
    expect(await delivered()).toEqual(['in a second']);
    await clock.advanceAndSettle(MINUTE);
    await until(async () => (await delivered()).length === 2);
    expect(await delivered()).toEqual(['in a second', 'in a minute']);
  });

  it('keeps its place among those of the same level', async () => {
    const bodies = Array.from({ length: 200 }, (_, index) => String(index));
    await Promise.all(bodies.map((body) => delayed(1, body)));
    await clock.advanceAndSettle(SECOND);
    await until(async () => (await delivered()).length === bodies.length);
    expect(await delivered()).toEqual(bodies);
  });

  it('counts a level above the highest as the highest', async () => {
    await delayed(99);
    const [parked] = await broker.messages('SCHEDULE_TOPIC_XXXX', 17);
    expect(parked?.properties.get('DELAY')).toBe('18');
  });

  it('waits no longer and no shorter when the wall clock is set back', async () => {
    await delayed(5, 'before');
    await clock.advanceAndSettle(MINUTE / 2);
    clock.jumpWallClock(-10 * MINUTE);
    await delayed(5, 'after');
    await clock.advanceAndSettle(MINUTE / 2 - 1);
    await settle(20);
    expect(await delivered()).toEqual([]);
    await clock.advanceAndSettle(1);
    await until(async () => (await delivered()).length === 1);
    await clock.advanceAndSettle(MINUTE / 2 - 1);
    await settle(20);
    expect(await delivered()).toEqual(['before']);
    await clock.advanceAndSettle(1);
    await until(async () => (await delivered()).length === 2);
    expect(await delivered()).toEqual(['before', 'after']);
  });

  it('is delivered within ten seconds when the wall clock is set forward past its time', async () => {
    await delayed(18, 'first');
    await delayed(18, 'second');
    clock.jumpWallClock(3 * 60 * MINUTE);
    await clock.advanceAndSettle(10 * SECOND);
    await until(async () => (await delivered()).length === 2);
    expect(await delivered()).toEqual(['first', 'second']);
  });

  it('is dropped when its topic is deleted while it waits', async () => {
    await delayed(1);
    await broker.broker.context.topics.delete('TopicA');
    await clock.advanceAndSettle(SECOND);
    await until(() => progressOf(1) === '1,1');
    expect(await delivered()).toEqual([]);
  });

  it('is delivered after a restart, once', async () => {
    await delayed(1, 'before');
    await delayed(2, 'after');
    await clock.advanceAndSettle(SECOND);
    await until(async () => (await delivered()).length === 1);
    await broker.stop();
    const file = path.join(broker.storeDir, 'config', 'delayOffset.json');
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ offsetTable: { 1: 1 } });
    await clock.advanceAndSettle(5 * SECOND);
    await broker.restart();
    await until(async () => (await delivered()).length === 2);
    await clock.advanceAndSettle(MINUTE);
    expect(await delivered()).toEqual(['before', 'after']);
  });

  it('that is larger than maxMessageSize has become since is delivered: it was taken when it was sent', async () => {
    await delayed(1, 'x'.repeat(2000));
    await broker.restart({ maxMessageSize: 1000 });
    await clock.advanceAndSettle(SECOND);
    await until(async () => (await delivered()).length === 1);
  });

  it('that the store can never take is logged and skipped; its neighbours are delivered once', async () => {
    await delayed(1, 'before');
    await delayed(1, 'never');
    await delayed(1, 'behind');
    const { store } = broker.broker;
    jest
      .spyOn(store, 'append')
      .mockImplementation((message) =>
        message.body.toString() === 'never'
          ? Promise.reject(new MqError('MESSAGE_ILLEGAL', 'not this one'))
          : MessageStore.prototype.append.call(store, message),
      );
    await clock.advanceAndSettle(SECOND);
    await until(() => progressOf(1) === '3,3');
    await clock.advanceAndSettle(MINUTE);
    expect(await delivered()).toEqual(['before', 'behind']);
    expect(logger.messages('error')).toEqual([
      'a delayed message cannot be stored where it belongs and is skipped',
    ]);
  });

  it('that the store refuses for now is tried again, without its neighbours', async () => {
    for (const body of ['a', 'b', 'c']) await delayed(1, body);
    const { store } = broker.broker;
    const append = jest.spyOn(store, 'append');
    const full = new MqError('SERVICE_NOT_AVAILABLE', 'the disk is full', { retriable: true });
    append.mockImplementation((message) =>
      message.body.toString() === 'b'
        ? Promise.reject(full)
        : MessageStore.prototype.append.call(store, message),
    );
    await clock.advanceAndSettle(SECOND);
    await until(async () => (await delivered()).length === 2);
    await clock.advanceAndSettle(2 * SECOND);
    expect(await delivered()).toEqual(['a', 'c']);
    expect(progressOf(1)).toBe('1,3');
    append.mockRestore();
    await clock.advanceAndSettle(SECOND);
    await until(() => progressOf(1) === '3,3');
    expect(await delivered()).toEqual(['a', 'c', 'b']);
  });

  it('that the store refuses for now is tried again after a restart, too, without its neighbours', async () => {
    for (const body of ['a', 'b', 'c']) await delayed(1, body);
    const { store } = broker.broker;
    const full = new MqError('SERVICE_NOT_AVAILABLE', 'the disk is full', { retriable: true });
    jest
      .spyOn(store, 'append')
      .mockImplementation((message) =>
        message.body.toString() === 'a'
          ? Promise.reject(full)
          : MessageStore.prototype.append.call(store, message),
      );
    await clock.advanceAndSettle(SECOND);
    await until(async () => (await delivered()).length === 2);
    await broker.restart();
    await clock.advanceAndSettle(MINUTE);
    await until(() => progressOf(1) === '3,3');
    expect(await delivered()).toEqual(['b', 'c', 'a']);
    await delayed(1, 'd');
    await broker.restart();
    await clock.advanceAndSettle(MINUTE);
    await until(() => progressOf(1) === '4,4');
    expect(await delivered()).toEqual(['b', 'c', 'a', 'd']);
  });

  it('that is of a level no longer there waits for it, and a start says so', async () => {
    await delayed(3, 'third');
    await delayed(2, 'second');
    await broker.restart({ messageDelayLevel: '1s 5s' });
    await clock.advanceAndSettle(MINUTE);
    await until(async () => (await delivered()).length === 1);
    expect(logger.messages('error')).toEqual([
      'delay level 3: messages wait until messageDelayLevel, which has 2 levels, has so many again',
    ]);
    await broker.restart({ messageDelayLevel: '1s 5s 10s' });
    await until(async () => (await delivered()).length === 2);
    expect(await delivered()).toEqual(['second', 'third']);
  });

  it('shares an fsync with the others that are due, also when they are read from disk', async () => {
    await broker.restart({ flushDiskType: 'SYNC_FLUSH' });
    const bodies = Array.from({ length: 64 }, (_, index) => String(index));
    await Promise.all(bodies.map((body) => delayed(1, body)));
    const { store } = broker.broker;
    const get = store.get.bind(store);
    // As the store answers for messages far from its end.
    jest
      .spyOn(store, 'get')
      .mockImplementation((request) =>
        get(
          request.topic === SystemTopic.SCHEDULE
            ? { ...request, maxCount: Math.min(8, request.maxCount) }
            : request,
        ),
      );
    const before = store.stats.fsyncCount;
    await clock.advanceAndSettle(SECOND);
    await until(() => progressOf(1) === '64,64');
    expect(store.stats.fsyncCount - before).toBe(1);
    expect(await delivered()).toEqual(bodies);
  });

  it('waits its delay once more, and not for years, when the wall clock was years ahead', async () => {
    await delayed(5, 'from the future');
    await broker.stop();
    clock.jumpWallClock(-10 * 365 * 24 * 60 * MINUTE);
    await broker.restart();
    await delayed(5, 'from today');
    await clock.advanceAndSettle(MINUTE - 1);
    expect(await delivered()).toEqual([]);
    await clock.advanceAndSettle(MINUTE + 1);
    await until(async () => (await delivered()).length === 2);
    expect(await delivered()).toEqual(['from the future', 'from today']);
  });
});
