import { afterEach, expect, it, jest } from '@jest/globals';
import { Producer, PushConsumer } from '../../../mq/index.ts';
import { testBroker } from '../../../mq/testkit.ts';

afterEach(() => void jest.useRealTimers());

it('works where Jest has set the date and left the timers alone, as mq/README.md says', async () => {
  const now = Date.parse('2020-02-29T12:00:00Z');
  jest.useFakeTimers({
    now,
    doNotFake: [
      'nextTick',
      'setImmediate',
      'setInterval',
      'setTimeout',
      'clearInterval',
      'clearTimeout',
      'performance',
      'queueMicrotask',
    ],
  });
  await using mq = await testBroker({ timeoutMs: 15_000 });
  await using producer = new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'test' });
  await using consumer = new PushConsumer({ namesrvAddr: mq.namesrvAddr, consumerGroup: 'g' });
  await mq.createTopic('T');
  const days: string[] = [];
  await consumer
    .subscribe('T')
    .onMessage(({ storeTimestamp }) => void days.push(new Date(storeTimestamp).toDateString()))
    .start();
  await producer.send({ topic: 'T', body: 'tomorrow', delayTimeMs: 24 * 60 * 60_000 });
  await mq.drain('g', 'T', { maxAdvance: '2d' });
  expect(days).toEqual(['Sun Mar 01 2020']);
});
