import { expect, it } from '@jest/globals';
import { lagMetrics } from '../../../mq/broker/lag-metrics.ts';
import { BrokerUnderTest } from './broker-under-test.ts';

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
