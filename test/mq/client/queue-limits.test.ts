import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ProcessQueue } from '../../../mq/client/process-queue.ts';
import {
  pullSettings,
  type PushConsumerOptions,
} from '../../../mq/client/push-consumer-options.ts';
import { limitsWithin } from '../../../mq/client/queue-limits.ts';
import { plays } from '../../support/plays.ts';

const own = { maxCount: 1000, maxBytes: 5000, maxSpan: 2000 };

function settingsOf(options: Partial<PushConsumerOptions>) {
  return pullSettings({ namesrvAddr: 'x:1', consumerGroup: 'g', ...options }, Date.now());
}

/** What a queue may hold while the consumer has so many of its topic. */
function limitsOf(options: Partial<PushConsumerOptions>, queueCount: number) {
  const { limits, topicLimits = {} } = settingsOf(options);
  const { maxCount, maxBytes } = limitsWithin(topicLimits, limits, () => queueCount);
  return [maxCount, maxBytes / (1024 * 1024)];
}

describe('what one queue may hold', () => {
  it.each([
    ['the defaults', {}, 4, [1000, 100]],
    ['its own limits', { pullThresholdForQueue: 7, pullThresholdSizeForQueue: 0.5 }, 4, [7, 0.5]],
    ['its part of the topic', { pullThresholdForTopic: 100 }, 3, [33, 100]],
    ['instead of the default, if that is more', { pullThresholdForTopic: 9000 }, 3, [3000, 100]],
    ['at least one message', { pullThresholdForTopic: 2 }, 3, [1, 100]],
    ['its part of the bytes', { pullThresholdSizeForTopic: 300 }, 2, [1000, 150]],
    [
      'the smaller of both, where both are set',
      { pullThresholdForQueue: 10, pullThresholdForTopic: 100 },
      4,
      [10, 100],
    ],
    [
      'the smaller of both, the other way round',
      { pullThresholdSizeForQueue: 50, pullThresholdSizeForTopic: 60 },
      4,
      [1000, 15],
    ],
  ])('is %s', (_what, options, queueCount, expected) => {
    expect(limitsOf(options, queueCount)).toEqual(expected);
  });

  it('follows a rebalance while it is held', () => {
    let queueCount = 1;
    const limits = limitsWithin({ maxCount: 4, maxBytes: 4000 }, own, () => queueCount);
    const queue = new ProcessQueue({ topic: 'T', brokerName: 'b', queueId: 0 }, 0, limits);
    queue.put(
      [0, 1, 2].map((queueOffset) => ({ queueOffset, bytes: 10 })),
      3,
    );
    expect(queue.flowControl).toBeUndefined();
    queueCount = 2;
    expect(queue.flowControl).toEqual({ reason: 'count', held: 3, limit: 2 });
    queue.finish(0);
    expect(queue.flowControl).toEqual({ reason: 'count', held: 2, limit: 2 });
    queue.finish(1);
    expect(queue.flowControl).toBeUndefined();
  });

  it('never adds up to more than the topic may, unless each must have one', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 1, max: 200 }),
        (maxCount, queueCount) => {
          const limits = limitsWithin({ maxCount }, own, () => queueCount);
          expect(limits.maxCount * queueCount).toBeLessThanOrEqual(Math.max(maxCount, queueCount));
          expect(limits.maxCount).toBeGreaterThanOrEqual(1);
        },
      ),
      plays(),
    );
  });

  it.each([
    [{ pullThresholdForTopic: 0 }, 'pullThresholdForTopic is 0'],
    [{ pullThresholdSizeForTopic: -1 }, 'pullThresholdSizeForTopic is -1'],
    [{ pullThresholdSizeForQueue: Number.NaN }, 'pullThresholdSizeForQueue is NaN'],
    [{ pullThresholdForQueue: 1.5 }, 'pullThresholdForQueue is 1.5'],
    [{ pullIntervalMs: -5 }, 'pullIntervalMs is -5'],
  ])('cannot be %j', (options, message) => {
    expect(() => settingsOf(options)).toThrow(message);
  });
});

describe('flow control', () => {
  const at = (limits: Partial<typeof own>): ProcessQueue =>
    new ProcessQueue({ topic: 'T', brokerName: 'b', queueId: 0 }, 0, { ...own, ...limits });

  it.each([
    ['count', { maxCount: 3 }, [0, 1], 2, { reason: 'count', held: 3, limit: 3 }],
    ['bytes', { maxBytes: 30 }, [0, 1], 2, { reason: 'bytes', held: 30, limit: 30 }],
    ['span', { maxSpan: 5 }, [0, 4], 5, { reason: 'span', held: 5, limit: 5 }],
  ])('begins exactly at the limit of %s', (_what, limits, before, last, expected) => {
    const queue = at(limits);
    queue.put(
      before.map((queueOffset) => ({ queueOffset, bytes: 10 })),
      0,
    );
    expect(queue.flowControl).toBeUndefined();
    queue.put([{ queueOffset: last, bytes: 10 }], 0);
    expect(queue.flowControl).toEqual(expected);
    queue.finish(0);
    expect(queue.flowControl).toBeUndefined();
  });

  it('is none for a queue that holds nothing, however far it has come', () => {
    const queue = at({ maxSpan: 5 });
    queue.put([{ queueOffset: 1_000, bytes: 1 }], 0);
    queue.finish(1_000);
    expect(queue.flowControl).toBeUndefined();
  });
});
