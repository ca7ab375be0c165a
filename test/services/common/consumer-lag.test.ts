import { describe, expect, it } from '@jest/globals';
import { Producer } from '../../../mq/index.ts';
import { testBroker } from '../../../mq/testkit.ts';
import { ConsumerLag } from '../../../services/common/consumer-lag.ts';
import { Metrics } from '../../../services/common/metrics.ts';

const topic = 'LAG';

describe('the backlog of a service', () => {
  it('counts what waits for each group, also one that has not begun, and leaves out a DLQ that is not there yet', async () => {
    await using broker = await testBroker();
    await broker.createTopic(topic);
    const { namesrvAddr } = broker;
    await using producer = new Producer({ namesrvAddr, producerGroup: 'lag' });
    await producer.start();
    for (const body of ['1', '2', '3']) await producer.send({ topic, body });
    const metrics = new Metrics('order');
    const health = {
      consumers: () => [
        { topic, consumerGroup: 'not-begun' },
        { topic: '%DLQ%not-begun', consumerGroup: 'not-begun-dlq' },
      ],
    };
    const lag = new ConsumerLag({ namesrvAddr, health, metrics });
    const text = await metrics.registry.metrics();
    expect(text).toMatch(
      /^millrace_consumer_lag_messages\{group="not-begun",topic="LAG",service="order"\} 3$/m,
    );
    expect(text).not.toContain('not-begun-dlq');
    await lag.onApplicationShutdown();
  });
});
