import { expect, it } from '@jest/globals';
import { lagMetrics } from '../../../mq/broker/lag-metrics.ts';
import { nodeFiles } from '../../../mq/store/files.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { BrokerUnderTest } from './broker-under-test.ts';

const HOUR = 3_600_000;

it('the lag of many queues is found in slices, between which the broker works', async () => {
  await using broker = await BrokerUnderTest.start();
  const { context } = broker.broker;
  for (let number = 0; number < 8; number++) {
    await broker.createTopic(`Topic${number}`, 64);
    context.offsets.commit({
      group: 'buyers',
      topic: `Topic${number}`,
      queueId: 0,
      queueOffset: 0,
      client: 'a test',
    });
  }
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  const metrics = await lagMetrics(context);
  isOver = true;
  expect(metrics[0]).toMatchObject({ name: 'rocketmq_consumer_lag_messages' });
  expect(turns).toBeGreaterThanOrEqual(3);
});

it('a group that retention has overtaken is as late as the oldest message that is left', async () => {
  const clock = new FakeClock();
  await using broker = await BrokerUnderTest.start({
    clock,
    files: {
      ...nodeFiles,
      diskUsage: () => ({ usedPercent: 80, usedBytes: 2 ** 40, freeBytes: 2 ** 40 }),
    },
    config: {
      mappedFileSizeCommitLog: 64 * 1024,
      maxMessageSize: 16 * 1024,
      fileReservedTime: 2,
    },
  });
  const { context, store } = broker.broker;
  await broker.createTopic('Orders', 1);
  const queue = { topic: 'Orders', queueId: 0 };
  context.offsets.commit({ group: 'buyers', ...queue, queueOffset: 0, client: 'a test' });
  const sendSome = async (): Promise<void> => {
    for (let index = 0; index < 6; index++) {
      await broker.send({ ...queue, body: Buffer.alloc(16_000) });
    }
  };
  await sendSome();
  await clock.advanceAndSettle(HOUR);
  await sendSome();
  await clock.advanceAndSettle(HOUR + 60_000);
  await clock.advanceUntil(() => store.minOffset('Orders', 0) > 0);
  const metrics = await lagMetrics(context);
  const latency = metrics.find(
    ({ name }) => name === 'rocketmq_consumer_lag_latency_milliseconds',
  )!;
  const oldest = store.storeTimeOf('Orders', 0, store.minOffset('Orders', 0));
  expect('samples' in latency && latency.samples).toMatchObject([
    { labels: { consumer_group: 'buyers', topic: 'Orders' }, value: clock.now() - oldest },
  ]);
  expect(clock.now() - oldest).toBeGreaterThan(0);
});
