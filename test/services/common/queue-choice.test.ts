import { describe, expect, it } from '@jest/globals';
import { queueOf } from '../../../services/common/queue-choice.ts';

describe('queueOf', () => {
  const queues = ['b', 'a'].flatMap((brokerName) =>
    [10, 2, 0].map((queueId) => ({ topic: 'T', brokerName, queueId })),
  );

  it('gives a key the same queue in whatever order the queues come', () => {
    for (const key of ['4711', '4712', '4713', '20261120-7K3M9Q2T4VXA']) {
      expect(queueOf(key, queues.toReversed())).toEqual(queueOf(key, queues));
    }
  });

  it('spreads keys over all queues', () => {
    const chosen = Array.from({ length: 200 }, (_, index) => queueOf(`order-${index}`, queues));
    expect(new Set(chosen).size).toBe(queues.length);
  });

  it('refuses to choose from none', () => {
    expect(() => queueOf('4711', [])).toThrow('no queue to choose from for key 4711');
  });
});
