import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { allocateAveragely } from '../../../mq/client/allocate.ts';
import { queueKey, type MessageQueue } from '../../../mq/protocol/message-queue.ts';

function queues(count: number, brokerName = 'broker-a'): MessageQueue[] {
  return Array.from({ length: count }, (_, queueId) => ({ topic: 'T', brokerName, queueId }));
}

describe('AVG allocation', () => {
  it('deals contiguous runs, the first members getting one more', () => {
    const ids = ['c', 'a', 'b'];
    const share = (id: string) => allocateAveragely(id, queues(8), ids).map((q) => q.queueId);
    expect(share('a')).toEqual([0, 1, 2]);
    expect(share('b')).toEqual([3, 4, 5]);
    expect(share('c')).toEqual([6, 7]);
  });

  it('leaves members without a queue when there are more members than queues', () => {
    const ids = ['a', 'b', 'c'];
    expect(allocateAveragely('b', queues(2), ids)).toHaveLength(1);
    expect(allocateAveragely('c', queues(2), ids)).toHaveLength(0);
  });

  it('sorts queue ids as numbers and broker names as text', () => {
    const both = [...queues(11, 'broker-b'), ...queues(11, 'broker-a')];
    const own = allocateAveragely('a', both, ['a']).map(queueKey);
    expect(own[2]).toBe('T@broker-a@2');
    expect(own[10]).toBe('T@broker-a@10');
    expect(own[11]).toBe('T@broker-b@0');
  });

  it('gives a member nothing that the broker does not list', () => {
    expect(allocateAveragely('x', queues(4), ['a', 'b'])).toEqual([]);
  });

  it('gives every queue exactly one owner, whatever order and repetition the members see', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40 }),
        fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.nat()),
        (queueCount, members, randomness) => {
          const shuffled = <T>(items: readonly T[]): T[] =>
            items
              .map((item) => ({ item, rank: randomness.next().value ?? 0 }))
              .toSorted((a, b) => a.rank - b.rank)
              .map(({ item }) => item);
          const owned = members.flatMap((member) =>
            allocateAveragely(
              member,
              shuffled(queues(queueCount)),
              shuffled([...members, members[0]!]),
            ).map(queueKey),
          );
          expect(owned).toHaveLength(queueCount);
          expect(new Set(owned).size).toBe(queueCount);
        },
      ),
    );
  });
});
