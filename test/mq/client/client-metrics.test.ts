import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Producer, PushConsumer } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { exportClientMetrics } from '../../../services/common/client-metrics.ts';
import { Metrics } from '../../../services/common/metrics.ts';
import { until } from '../../support/deadline.ts';

let broker: TestBroker;

beforeAll(async () => {
  broker = await testBroker({ timeoutMs: 30_000 });
  await broker.createTopic('Orders', 1);
});

afterAll(() => broker.close());

describe('what clients count of themselves', () => {
  it('is for a producer what became of its sends, and how long they took', async () => {
    await using producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'p' });
    expect(producer.metrics()).toMatchObject({ succeeded: 0, retries: 0, inFlight: 0 });
    await producer.send({ topic: 'Orders', body: 'one' });
    const unanswered = broker.faults.delayReplies('1h');
    const sending = producer.send({ topic: 'Orders', body: 'two' }, { timeoutMs: 60_000 });
    await unanswered.struck();
    expect(producer.metrics()).toMatchObject({ succeeded: 1, inFlight: 1 });
    unanswered.end();
    await sending;
    const queue = { topic: 'Orders', brokerName: broker.broker.config.brokerName, queueId: 99 };
    const refused = producer.send({ topic: 'Orders', body: 'x' }, { queue });
    await expect(refused).rejects.toMatchObject({ code: 'SYSTEM_ERROR' });
    const { durations, ...counts } = producer.metrics();
    expect(counts).toEqual({
      succeeded: 2,
      failed: new Map([['SYSTEM_ERROR', 1]]),
      retries: 0,
      inFlight: 0,
    });
    expect(durations.count).toBe(3);
    expect(durations.buckets.at(-1)!.count).toBeLessThanOrEqual(3);
    expect(durations.sumMs).toBeGreaterThan(0);
  });

  it('is for a consumer what its listener took, what it holds, and what is left of its queues', async () => {
    await using producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'p' });
    await broker.createTopic('Parcels', 1);
    for (const body of ['bad', 'good', 'held', 'held']) {
      await producer.send({ topic: 'Parcels', body });
    }
    await using consumer = new PushConsumer({
      namesrvAddr: broker.namesrvAddr,
      consumerGroup: 'c',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    });
    let letGo = (): void => undefined;
    const freed = new Promise<void>((resolve) => (letGo = resolve));
    consumer.subscribe('Parcels');
    consumer.onMessage(async (message) => {
      // In two hours: a second try would count, too.
      if (message.text() === 'bad') return { status: 'RECONSUME_LATER', delayTimeLevel: 18 };
      if (message.text() === 'held') await freed;
      return 'CONSUME_SUCCESS';
    });
    await consumer.start();
    await until(() => {
      const { succeeded, failed, inFlight } = consumer.metrics();
      return succeeded === 1 && failed === 1 && inFlight === 2;
    });
    const parcels = () =>
      consumer.metrics().queues.find(({ queue }) => queue.topic === 'Parcels')?.lag;
    expect(parcels()).toBe(2);

    const metrics = new Metrics('a service');
    exportClientMetrics(metrics, {
      producers: () => [{ producer: 'plain', metrics: producer.metrics() }],
      consumers: () => [{ topic: 'Parcels', consumerGroup: 'c', metrics: consumer.metrics() }],
    });
    const text = await metrics.registry.metrics();
    const labels = 'producer="plain",service="a service"';
    expect(text).toContain(
      `millrace_client_sends_total{producer="plain",outcome="ok",service="a service"} 4\n`,
    );
    expect(text).toContain(`millrace_client_send_duration_seconds_count{${labels}} 4\n`);
    expect(text).toMatch(/millrace_client_send_duration_seconds_bucket\{.*le="\+Inf".*\} 4\n/);
    expect(text).toContain('millrace_client_messages_in_flight{group="c",service="a service"} 2\n');
    expect(text).toMatch(/millrace_client_lag_messages\{group="c",topic="Parcels".*\} 2\n/);
    letGo();
    await until(() => parcels() === 0);
  });
});
