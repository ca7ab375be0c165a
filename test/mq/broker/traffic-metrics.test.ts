import { expect, it } from '@jest/globals';
import { trafficMetrics } from '../../../mq/broker/traffic-metrics.ts';
import { exposition } from '../../../mq/metrics/exposition.ts';
import { BrokerUnderTest } from './broker-under-test.ts';

it('dead letters of a group and rollbacks of a topic are there at 0 before the first, so that the first is growth', async () => {
  await using broker = await BrokerUnderTest.start();
  const { context } = broker.broker;
  const samples = (name: string): string[] =>
    exposition(trafficMetrics(context))
      .split('\n')
      .filter((line) => line.startsWith(name));
  const deadLetters = (count: number) =>
    `rocketmq_send_to_dlq_messages_total{consumer_group="buyers",is_system="false"} ${count}`;

  context.groups.get('buyers');
  context.traffic.noteEnded('Orders', true);
  expect(samples('rocketmq_send_to_dlq')).toContain(deadLetters(0));
  expect(samples('rocketmq_rollback')).toEqual([
    'rocketmq_rollback_messages_total{topic="Orders"} 0',
  ]);
  expect(samples('rocketmq_commit')).toEqual(['rocketmq_commit_messages_total{topic="Orders"} 1']);

  context.traffic.noteStored('%DLQ%buyers', 100);
  context.traffic.noteEnded('Orders', false);
  expect(samples('rocketmq_send_to_dlq')).toContain(deadLetters(1));
  expect(samples('rocketmq_rollback')).toEqual([
    'rocketmq_rollback_messages_total{topic="Orders"} 1',
  ]);
});
