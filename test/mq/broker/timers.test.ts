import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { BrokerUnderTest } from './broker-under-test.ts';

const SECOND = 1_000;

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

async function delivered(queueId = 0): Promise<string[]> {
  await broker.broker.context.timers.settled();
  const messages = await broker.messages('TopicA', queueId);
  return messages.map((message) => message.body.toString());
}

describe('a message with a delay in milliseconds', () => {
  it('is delivered when its time has come and not a millisecond before', async () => {
    const reply = await broker.send({ topic: 'TopicA', properties: { TIMER_DELAY_MS: '1234' } });
    expect(reply.code).toBe(ResponseCode.SUCCESS);
    await clock.advanceAndSettle(1233);
    expect(await delivered()).toEqual([]);
    await clock.advanceAndSettle(1);
    expect(await delivered()).toEqual(['hello']);
    await clock.advanceAndSettle(100 * SECOND);
    expect(await delivered()).toEqual(['hello']);
  });
});
