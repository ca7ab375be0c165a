import { expect, it } from '@jest/globals';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { ROOT } from '../store/store-under-test.ts';
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

it('progress beyond the tail that a power cut took ends where the queue does: it would skip what comes next', async () => {
  const disk = new FaultyFiles();
  const clock = new FakeClock();
  // Nothing is flushed by itself while the clock stands still.
  const options = { clock, storeDir: ROOT };
  const cut = await BrokerUnderTest.start({ ...options, files: disk.process() });
  await cut.createTopic('TopicA');
  await send(cut, 2);
  await cut.broker.context.store.flush();
  await send(cut, 3);
  await cut.request(UPDATE_CONSUMER_OFFSET, { ...queue, commitOffset: '5' });
  await cut.broker.context.offsets.persist();
  disk.cutPower();
  await abandon(cut);

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
