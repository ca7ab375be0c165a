import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { TimerHeap } from '../../../mq/store/timer-heap.ts';
import { plays } from '../../support/plays.ts';

const pair = fc.tuple(fc.nat(20), fc.nat(1000));

function inOrder(pairs: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  return pairs.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
}

function drain(heap: TimerHeap): [number, number][] {
  const drained: [number, number][] = [];
  while (heap.size > 0) {
    const key = heap.firstKey;
    drained.push([key, heap.pop()]);
  }
  return drained;
}

describe('a timer heap', () => {
  it('gives pairs back by key and then by value, pushed one by one or built at once', () => {
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 300 }), (pairs) => {
        const pushed = new TimerHeap();
        for (const [key, value] of pairs) pushed.push(key, value);
        const built = new TimerHeap(
          Float64Array.from(pairs, ([key]) => key),
          Float64Array.from(pairs, ([, value]) => value),
        );
        expect(drain(pushed)).toEqual(inOrder(pairs));
        expect(drain(built)).toEqual(inOrder(pairs));
        expect(pushed.firstKey).toBe(Infinity);
      }),
      plays(),
    );
  });

  it('keeps the others in order when values are taken out of its middle', () => {
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 100 }), fc.array(fc.nat(1000)), (pairs, gone) => {
        const heap = new TimerHeap();
        for (const [key, value] of pairs) heap.push(key, value);
        const removed = new Set(gone);
        heap.removeValues(removed);
        expect(drain(heap)).toEqual(inOrder(pairs.filter(([, value]) => !removed.has(value))));
      }),
      plays(),
    );
  });

  it('takes 16 bytes a pair, at most half as much again, and gives memory back', () => {
    const heap = new TimerHeap();
    for (let index = 0; index < 100_000; index++) heap.push(index % 977, index);
    expect(heap.bytes / heap.size).toBeLessThanOrEqual(24.1);
    while (heap.size > 100) heap.pop();
    expect(heap.bytes).toBeLessThan(16 * 1024);
  });
});
