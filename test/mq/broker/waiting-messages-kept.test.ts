import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { nodeFiles } from '../../../mq/store/files.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { BrokerUnderTest } from './broker-under-test.ts';

const HOUR = 3_600_000;
const SEGMENT_BYTES = 64 * 1024;

let clock: FakeClock;
let logger: RecordingLogger;
let broker: BrokerUnderTest;
let usedPercent: number;

beforeEach(async () => {
  clock = new FakeClock();
  logger = new RecordingLogger();
  usedPercent = 80;
  broker = await BrokerUnderTest.start({
    clock,
    logger,
    files: {
      ...nodeFiles,
      diskUsage: () => ({ usedPercent, usedBytes: 2 ** 40, freeBytes: 2 ** 40 }),
    },
    config: {
      mappedFileSizeCommitLog: SEGMENT_BYTES,
      maxMessageSize: 16 * 1024,
      fileReservedTime: 1,
      messageDelayLevel: '1s 2h',
    },
  });
  await broker.createTopic('TopicA', 4);
});

afterEach(async () => {
  await broker[Symbol.asyncDispose]();
});

/** A message that waits is in the first segment, and others fill two more. */
async function fillBehind(properties: Record<string, string>): Promise<void> {
  await broker.send({ topic: 'TopicA', queueId: 1, body: 'waits', properties });
  for (let index = 0; index < 12; index++) {
    await broker.send({ topic: 'TopicA', queueId: 0, body: Buffer.alloc(16_000) });
  }
}

async function delivered(): Promise<string[]> {
  return (await broker.messages('TopicA', 1)).map(({ body }) => body.toString());
}

function minOffset(): number {
  return broker.broker.store.minCommitLogOffset;
}

it.each([
  ['delay level', { DELAY: '2' }],
  ['timer', { TIMER_DELAY_SEC: '7200' }],
])(
  'a message with a %s is delivered from a segment that is old by then, which goes afterwards',
  async (_, properties) => {
    await fillBehind(properties);
    await clock.advanceAndSettle(2 * HOUR - 60_000);
    expect(minOffset()).toBe(0);
    expect(logger.messages('info').join()).toContain('messages in it wait for their time');
    await clock.advanceUntil(() => broker.broker.store.maxOffset('TopicA', 1) === 1);
    expect(await delivered()).toEqual(['waits']);
    await clock.advanceUntil(() => minOffset() > 0);
  },
);

it.each([
  ['delay level', { DELAY: '2' }],
  ['timer', { TIMER_DELAY_SEC: '7200' }],
])(
  'a message with a %s that a full disk takes does not hold up those behind it',
  async (_, properties) => {
    await fillBehind(properties);
    usedPercent = 90;
    await clock.advanceUntil(() => minOffset() > 0);
    usedPercent = 50;
    expect(logger.messages('error')).toContain(
      'messages that wait for their time are removed, because the disk is full',
    );
    await broker.send({ topic: 'TopicA', queueId: 1, body: 'later', properties });
    await clock.advanceUntil(() => broker.broker.store.maxOffset('TopicA', 1) === 1, 60_000);
    expect(await delivered()).toEqual(['later']);
  },
);

it('a message of a delay level that is no longer configured keeps its segment for when it is again', async () => {
  await fillBehind({ DELAY: '2' });
  await broker.restart({ messageDelayLevel: '1s' });
  await clock.advanceAndSettle(HOUR + 60_000);
  expect(minOffset()).toBe(0);
  await broker.restart();
  await clock.advanceUntil(() => broker.broker.store.maxOffset('TopicA', 1) === 1, 60_000);
  expect(await delivered()).toEqual(['waits']);
});

it('an open half message keeps its segment until it is put again, also when it is older than any at the start', async () => {
  const properties = { TRAN_MSG: 'true', PGROUP: 'pg', UNIQ_KEY: 'u' };
  await broker.send({ topic: 'TopicA', queueId: 1, sysFlag: 4, properties });
  await fillBehind({});
  await broker.stop();
  clock.advance(4 * HOUR);
  await broker.restart();
  await broker.send({ topic: 'TopicA', queueId: 0 });
  await broker.restart();
  await clock.advanceAndSettle(12_000);
  expect(minOffset()).toBe(0);
  await clock.advanceUntil(() => minOffset() > 0, 120_000);
  expect(broker.broker.context.transactions.openCount).toBe(1);
  expect(logger.messages('error')).toEqual([]);
});
