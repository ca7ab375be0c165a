import path from 'node:path';
import { expect, it } from '@jest/globals';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { ROOT } from '../store/store-under-test.ts';
import { BrokerUnderTest, sendReply } from './broker-under-test.ts';

const { UPDATE_CONSUMER_OFFSET, QUERY_CONSUMER_OFFSET } = RequestCode;
const OFFSETS = path.join(ROOT, 'config', 'consumerOffset.json');
const queue = { consumerGroup: 'cg', topic: 'TopicA', queueId: '0' };
/** No page of the CommitLog has room for it. */
const LARGE = Buffer.alloc(8_192, 1);

it('a disk without any room refuses sends, serves the rest, and is no matter any more 10 s after space returned', async () => {
  const disk = new FaultyFiles();
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const options = { clock, logger, storeDir: ROOT };
  const broker = await BrokerUnderTest.start({ ...options, files: disk.process() });
  await broker.createTopic('TopicA', 2);
  const send = (body: Buffer | string, properties = {}): ReturnType<typeof broker.send> =>
    broker.send({ topic: 'TopicA', queueId: 0, body, properties: { KEYS: 'k', ...properties } });
  for (const body of ['a', 'b', 'c']) await send(body);
  await broker.send({
    topic: 'TopicA',
    queueId: 1,
    body: LARGE,
    properties: { TIMER_DELAY_MS: '20000' },
  });
  await clock.advanceAndSettle(2_000);

  // CommitLog, ConsumeQueues, index, offsets, timers: whatever is written from now on finds no room.
  disk.capacityBytes = 2 ** 40;
  disk.capacityBytes -= disk.diskUsage().freeBytes;
  const refused = await send(LARGE);
  expect(refused.code).toBe(ResponseCode.SERVICE_NOT_AVAILABLE);
  expect(refused.remark).toMatch(/\/commitlog is 100 % full: a write failed with ENOSPC/);
  await broker.request(UPDATE_CONSUMER_OFFSET, { ...queue, commitOffset: '3' });
  // Over many tries of everything that is written in the background, and the time the timer is due.
  for (let look = 0; look < 6; look++) {
    await clock.advanceAndSettle(5_000);
    expect((await send(LARGE)).code).toBe(ResponseCode.SERVICE_NOT_AVAILABLE);
  }
  expect((await broker.messages('TopicA', 0)).map(({ body }) => body.toString())).toEqual([
    'a',
    'b',
    'c',
  ]);
  expect(await broker.messages('TopicA', 1)).toEqual([]);
  expect((await broker.request(QUERY_CONSUMER_OFFSET, queue)).extFields).toEqual({ offset: '3' });
  expect(disk.sizeOf(OFFSETS)).toBeUndefined();
  expect(logger.messages('error').length).toBeGreaterThan(2);

  disk.capacityBytes = Infinity;
  await clock.advanceAndSettle(10_000);
  expect(sendReply(await send('after'))).toMatchObject({ queueOffset: 3 });
  expect((await broker.messages('TopicA', 1)).map(({ body }) => body.equals(LARGE))).toEqual([
    true,
  ]);
  expect(disk.bytes(OFFSETS).toString()).toContain('TopicA@cg');
  const { records } = await broker.broker.store.queryMessages({
    topic: 'TopicA',
    key: 'k',
    kind: 'key',
    maxCount: 10,
    beginMs: 0,
    endMs: Infinity,
  });
  expect(records).toHaveLength(4);

  disk.killProcess();
  await broker.client.close();
  await broker.stop().catch(() => undefined);

  await using again = await BrokerUnderTest.start({ ...options, files: disk.process() });
  expect((await again.messages('TopicA', 0)).map(({ body }) => body.toString())).toEqual([
    'a',
    'b',
    'c',
    'after',
  ]);
  expect(await again.messages('TopicA', 1)).toHaveLength(1);
});
