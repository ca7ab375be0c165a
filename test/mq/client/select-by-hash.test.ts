import { describe, expect, it } from '@jest/globals';
import { selectByHash } from '../../../mq/client/select-by-hash.ts';
import type { MessageQueue } from '../../../mq/protocol/message-queue.ts';

function queues(count: number): MessageQueue[] {
  return Array.from({ length: count }, (_, queueId) => ({ topic: 'T', brokerName: 'b', queueId }));
}

const chosen = (key: string, count: number): number => selectByHash(key)(queues(count)).queueId;

describe('choosing a queue by a key', () => {
  // From jshell 17: Math.abs(key.hashCode() % count).
  it.each([
    ['a', 4, 1],
    ['order-1001', 4, 3],
    ['Aa', 7, 5],
    ['BB', 7, 5],
    ['Grüße', 7, 2],
    ['order-a-0', 5, 4],
    ['order-c-2', 5, 0],
  ])('puts %s over %i queues where Java puts it', (key, count, queueId) => {
    expect(chosen(key, count)).toBe(queueId);
  });

  it('takes the distance from zero of a negative remainder, the lowest hash of all included', () => {
    // hashCode() of this word is Integer.MIN_VALUE.
    expect(chosen('polygenelubricants', 3)).toBe(2);
    expect(chosen('polygenelubricants', 4)).toBe(0);
  });

  it('is the same queue each time', () => {
    const select = selectByHash('k');
    expect(select(queues(8))).toEqual(select(queues(8)));
  });
});
