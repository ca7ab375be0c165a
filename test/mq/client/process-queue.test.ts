import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ProcessQueue } from '../../../mq/client/process-queue.ts';
import { plays } from '../../support/plays.ts';

const queue = { topic: 'T', brokerName: 'broker-a', queueId: 0 };
const limits = { maxCount: 10, maxBytes: 1000, maxSpan: 50 };

function messages(...offsets: number[]): { queueOffset: number; bytes: number }[] {
  return offsets.map((queueOffset) => ({ queueOffset, bytes: 100 }));
}

describe('process queue', () => {
  it('commits the lowest unfinished offset, whatever finished behind it', () => {
    const processQueue = new ProcessQueue(queue, 5, limits);
    expect(processQueue.commitOffset).toBe(5);
    processQueue.put(messages(5, 6, 7), 8);
    processQueue.finish(7);
    processQueue.finish(6);
    expect(processQueue.commitOffset).toBe(5);
    processQueue.finish(5);
    expect(processQueue.commitOffset).toBe(8);
  });

  it('commits past entries that the broker filtered out', () => {
    const processQueue = new ProcessQueue(queue, 0, limits);
    processQueue.put([], 40);
    expect(processQueue.commitOffset).toBe(40);
    expect(processQueue.nextPullOffset).toBe(40);
  });

  it('leaves out what a peer sends twice', () => {
    const processQueue = new ProcessQueue(queue, 0, limits);
    processQueue.put(messages(0, 1), 2);
    processQueue.finish(0);
    expect(processQueue.put(messages(0, 1, 2), 3)).toEqual(messages(2));
    expect(processQueue.commitOffset).toBe(1);
    expect(processQueue.finish(0)).toBe(false);
  });

  it('never moves its pull offset back', () => {
    const processQueue = new ProcessQueue(queue, 7, limits);
    processQueue.put([], 3);
    expect(processQueue.nextPullOffset).toBe(7);
  });

  it.each([
    ['count', messages(...Array.from({ length: 10 }, (_, index) => index))],
    ['bytes', [{ queueOffset: 0, bytes: 1000 }]],
    ['span', messages(0, 50)],
  ])('stops pulling at the limit of %s and goes on below it', (limit, batch) => {
    const wide = { ...limits, maxBytes: limit === 'count' ? Infinity : limits.maxBytes };
    const processQueue = new ProcessQueue(queue, 0, wide);
    expect(processQueue.flowControl).toBeUndefined();
    processQueue.put(batch, batch.at(-1)!.queueOffset + 1);
    expect(processQueue.flowControl?.reason).toBe(limit);
    processQueue.finish(0);
    expect(processQueue.flowControl).toBeUndefined();
  });

  it('never commits beyond an unfinished message and never goes back', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.record({ put: fc.integer({ min: 1, max: 8 }), gap: fc.integer({ min: 0, max: 3 }) }),
            fc.record({ finish: fc.nat() }),
          ),
        ),
        (steps) => {
          const processQueue = new ProcessQueue(queue, 0, limits);
          const unfinished = new Set<number>();
          let committed = 0;
          for (const step of steps) {
            if ('put' in step) {
              const from = processQueue.nextPullOffset + step.gap;
              const batch = messages(...Array.from({ length: step.put }, (_, i) => from + i));
              for (const { queueOffset } of processQueue.put(batch, from + step.put)) {
                unfinished.add(queueOffset);
              }
            } else {
              const open = [...unfinished];
              const offset = open[step.finish % Math.max(open.length, 1)];
              if (offset === undefined) continue;
              processQueue.finish(offset);
              unfinished.delete(offset);
            }
            expect(processQueue.commitOffset).toBeGreaterThanOrEqual(committed);
            committed = processQueue.commitOffset;
            for (const offset of unfinished) expect(committed).toBeLessThanOrEqual(offset);
            expect(processQueue.unfinishedCount).toBe(unfinished.size);
          }
          if (unfinished.size === 0) expect(committed).toBe(processQueue.nextPullOffset);
        },
      ),
      plays(),
    );
  });
});

describe('a process queue under a lock', () => {
  it('counts as dropped from the moment the lock is not trusted', () => {
    const hold = { isTrusted: true };
    const queue = { topic: 'T', brokerName: 'b', queueId: 0 };
    const inOrder = new ProcessQueue(queue, 0, { maxCount: 1, maxBytes: 1, maxSpan: 1 }, hold);
    expect(inOrder.isDropped).toBe(false);
    hold.isTrusted = false;
    expect(inOrder.isDropped).toBe(true);
  });
});
