import path from 'node:path';
import { expect, it } from '@jest/globals';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { commitLogFile, ROOT } from '../store/store-under-test.ts';
import { BrokerUnderTest } from './broker-under-test.ts';

const { UPDATE_CONSUMER_OFFSET, QUERY_CONSUMER_OFFSET } = RequestCode;
const queue = { consumerGroup: 'cg', topic: 'TopicA', queueId: '0' };

async function send(broker: BrokerUnderTest, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent++) await broker.send({ topic: 'TopicA' });
}

/** Of a process that is dead already: its disk answers nothing any more. */
async function abandon(broker: BrokerUnderTest): Promise<void> {
  await broker.client.close();
  await broker.stop().catch(() => undefined);
}

/** The power goes when a group has come to 5, and only 2 messages of its queue are flushed. */
async function loseTail(
  disk: FaultyFiles,
  options: { clock: FakeClock; storeDir: string },
): Promise<void> {
  // Nothing is flushed by itself while the clock stands still.
  const cut = await BrokerUnderTest.start({ ...options, files: disk.process() });
  await cut.createTopic('TopicA');
  await send(cut, 2);
  await cut.broker.context.store.flush();
  await send(cut, 3);
  await cut.request(UPDATE_CONSUMER_OFFSET, { ...queue, commitOffset: '5' });
  await cut.broker.context.offsets.persist();
  disk.cutPower();
  await abandon(cut);
}

it('progress beyond the tail that a power cut took ends where the queue does: it would skip what comes next', async () => {
  const disk = new FaultyFiles();
  const options = { clock: new FakeClock(), storeDir: ROOT };
  await loseTail(disk, options);

  const next = await BrokerUnderTest.start({ ...options, files: disk.process() });
  const end = next.broker.context.store.maxOffset('TopicA', 0);
  expect(end).toBeGreaterThanOrEqual(2);
  expect(end).toBeLessThan(5);
  await send(next, 6);
  expect((await next.request(QUERY_CONSUMER_OFFSET, queue)).extFields).toEqual({
    offset: `${end}`,
  });
  // Once more, before its progress is saved by the clock: the queue is long enough now.
  disk.killProcess();
  await abandon(next);

  await using broker = await BrokerUnderTest.start({ ...options, files: disk.process() });
  expect(broker.broker.context.store.maxOffset('TopicA', 0)).toBe(end + 6);
  expect((await broker.request(QUERY_CONSUMER_OFFSET, queue)).extFields).toEqual({
    offset: `${end}`,
  });
});

it('progress beyond such a tail ends there, too, when a start in between came to nothing', async () => {
  const disk = new FaultyFiles();
  const options = { clock: new FakeClock(), storeDir: ROOT };
  await loseTail(disk, options);
  const groups = path.join(ROOT, 'config', 'subscriptionGroup.json');
  disk.put(groups, Buffer.from('{ broken'));
  await expect(BrokerUnderTest.start({ ...options, files: disk.process() })).rejects.toThrow(
    'subscriptionGroup.json',
  );
  disk.remove(groups);

  await using broker = await BrokerUnderTest.start({ ...options, files: disk.process() });
  const { store } = broker.broker.context;
  expect(store.stats.wasAborted).toBe(false);
  const end = store.maxOffset('TopicA', 0);
  expect(end).toBeLessThan(5);
  expect((await broker.request(QUERY_CONSUMER_OFFSET, queue)).extFields).toEqual({
    offset: `${end}`,
  });
});

it('progress beyond a last record that was damaged while the broker was down ends before that', async () => {
  const disk = new FaultyFiles();
  const options = { clock: new FakeClock(), storeDir: ROOT };
  const closed = await BrokerUnderTest.start({ ...options, files: disk.process() });
  await closed.createTopic('TopicA');
  await send(closed, 4);
  const { maxCommitLogOffset: start } = closed.broker.store;
  await send(closed, 1);
  await closed.request(UPDATE_CONSUMER_OFFSET, { ...queue, commitOffset: '5' });
  await abandon(closed);
  const bytes = disk.bytes(commitLogFile());
  bytes[start + 90]! ^= 1;
  disk.put(commitLogFile(), bytes);

  await using broker = await BrokerUnderTest.start({ ...options, files: disk.process() });
  expect(broker.broker.store.maxOffset('TopicA', 0)).toBe(4);
  expect((await broker.request(QUERY_CONSUMER_OFFSET, queue)).extFields).toEqual({ offset: '4' });
});

it('a delay level that was delivered beyond the end of its queue passes over nothing that is parked next', async () => {
  const disk = new FaultyFiles();
  const clock = new FakeClock();
  const options = { clock, storeDir: ROOT, config: { messageDelayLevel: '1s 2h' } };
  const first = await BrokerUnderTest.start({ ...options, files: disk.process() });
  await first.createTopic('TopicA', 1);
  await abandon(first);
  // As damage leaves it: its queue ends before.
  const offsets = { offsetTable: { 2: 5 }, deliveredAhead: { 2: [6] } };
  disk.put(path.join(ROOT, 'config', 'delayOffset.json'), Buffer.from(JSON.stringify(offsets)));
  const killed = await BrokerUnderTest.start({ ...options, files: disk.process() });
  const sent = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  for (const body of sent) {
    await killed.send({ topic: 'TopicA', queueId: 0, body, properties: { DELAY: '2' } });
  }
  await killed.broker.context.store.flush();
  disk.killProcess();
  await abandon(killed);

  await using broker = await BrokerUnderTest.start({ ...options, files: disk.process() });
  await clock.advanceAndSettle(2 * 3_600_000 + 60_000);
  await clock.advanceUntil(() => broker.broker.store.maxOffset('TopicA', 0) >= sent.length);
  expect((await broker.messages('TopicA', 0)).map(({ body }) => body.toString())).toEqual(sent);
});
