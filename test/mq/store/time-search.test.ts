import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { MessageStore } from '../../../mq/store/message-store.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { StampClock } from './index-under-test.ts';
import { message, openStore } from './store-under-test.ts';
import { plays } from '../../support/plays.ts';

async function storeOf(times: readonly number[]): Promise<{ store: MessageStore; start: number }> {
  const stamps = new StampClock();
  const start = stamps.nowMs;
  const store = await openStore(new FaultyFiles(), {
    clock: stamps.clock,
    flushDiskType: 'ASYNC_FLUSH',
  });
  for (const time of times) {
    stamps.nowMs = start + time;
    // Of both kinds of host: the time lies behind its address.
    const host = time % 2 === 0 ? '10.0.0.7' : '2001:db8::7';
    await store.append({ ...message('m'), bornHost: { address: host, port: 1 } });
  }
  return { store, start };
}

describe('the offset of a time', () => {
  it('is the first one at or after it, and the last one at or before it, in any queue in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(50), { maxLength: 40 }),
        fc.array(fc.integer({ min: -2, max: 53 }), { minLength: 1, maxLength: 20 }),
        async (unordered, asked) => {
          const times = unordered.toSorted((a, b) => a - b);
          const { store, start } = await storeOf(times);
          for (const time of asked) {
            const lower = times.findIndex((each) => each >= time);
            const upper = times.findLastIndex((each) => each <= time);
            expect([
              store.offsetByTime('TopicA', 0, start + time),
              store.offsetByTime('TopicA', 0, start + time, 'UPPER'),
            ]).toEqual([lower < 0 ? times.length : lower, Math.max(0, upper)]);
          }
          await store.close();
        },
      ),
      plays(40),
    );
  });

  it('is outermost where the clock was set back: nothing of that time is left out', async () => {
    // 0 … 99, then set back by 60: 40 … 139.
    const times = [...Array(100).keys(), ...Array.from({ length: 100 }, (_, index) => 40 + index)];
    const { store, start } = await storeOf(times);
    for (const time of [45, 60, 70, 80]) {
      expect(store.offsetByTime('TopicA', 0, start + time)).toBe(time);
    }
    for (const time of [60, 70, 80, 95]) {
      expect(store.offsetByTime('TopicA', 0, start + time, 'UPPER')).toBe(100 + time - 40);
    }
    await store.close();
  });

  it('is always a boundary, however the clock was set', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(20), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: -1, max: 21 }),
        async (times, time) => {
          const { store, start } = await storeOf(times);
          const lower = store.offsetByTime('TopicA', 0, start + time);
          if (lower < times.length) expect(times[lower]).toBeGreaterThanOrEqual(time);
          if (lower > 0) expect(times[lower - 1]).toBeLessThan(time);
          const upper = store.offsetByTime('TopicA', 0, start + time, 'UPPER');
          if (upper > 0) expect(times[upper]).toBeLessThanOrEqual(time);
          if (upper + 1 < times.length) expect(times[upper + 1]).toBeGreaterThan(time);
          await store.close();
        },
      ),
      plays(60),
    );
  });
});
