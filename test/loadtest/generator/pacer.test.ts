import { describe, expect, test } from '@jest/globals';
import { ArrivalSchedule, constantArrivalRate } from '../../../loadtest/generator/arrivals.ts';
import { Pacer } from '../../../loadtest/generator/pacer.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

const hundredPerS = new ArrivalSchedule(constantArrivalRate({ ratePerS: 100, durationS: 1 }));
const all = { index: 0, of: 1 };

interface Came {
  visitor: number;
  dueMs: number;
  atMs: number;
}

function pace(clock: FakeClock, share = all): { came: Came[]; pacer: Pacer } {
  const came: Came[] = [];
  const pacer = new Pacer(hundredPerS, share, clock, (visitor, dueMs) => {
    came.push({ visitor, dueMs, atMs: clock.monotonicMs() });
  });
  return { came, pacer };
}

describe('a pacer', () => {
  test('lets everybody come at or within a millisecond of when they are due', async () => {
    const clock = new FakeClock();
    const { came, pacer } = pace(clock);
    const ended = pacer.run(50);
    clock.advance(2_000);
    await ended;
    expect(came.map(({ visitor }) => visitor)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    for (const { visitor, dueMs, atMs } of came) {
      expect(dueMs).toBeCloseTo(50 + visitor * 10 + 5, 6);
      expect(atMs - dueMs).toBeGreaterThanOrEqual(0);
      expect(atMs - dueMs).toBeLessThanOrEqual(1);
    }
  });

  test('a process that was stuck lets all come that it missed, each with the time it was due', async () => {
    const clock = new FakeClock();
    const held: (() => void)[] = [];
    const stuck = {
      monotonicMs: () => clock.monotonicMs(),
      setTimeout: (callback: () => void) => {
        held.push(callback);
        return { unref: () => undefined };
      },
      clearTimeout: () => undefined,
    };
    const dues: number[] = [];
    const ended = new Pacer(hundredPerS, all, stuck, (_, dueMs) => dues.push(dueMs)).run(0);
    clock.advance(500);
    held.pop()!();
    expect(dues).toHaveLength(50);
    expect(dues[0]).toBeCloseTo(5, 6);
    expect(dues[49]).toBeCloseTo(495, 6);
    clock.advance(5_000);
    held.pop()!();
    await ended;
    expect(dues).toHaveLength(100);
  });

  test('processes share the visitors and leave none out', async () => {
    const clock = new FakeClock();
    const parts = [0, 1, 2].map((index) => pace(clock, { index, of: 3 }));
    const ended = parts.map(({ pacer }) => pacer.run(0));
    clock.advance(2_000);
    await Promise.all(ended);
    const visitors = parts.flatMap(({ came }) => came.map(({ visitor }) => visitor));
    expect(visitors.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(parts[1]!.came[0]!.visitor).toBe(1);
  });

  test('leaves no timer behind when it is stopped', async () => {
    const clock = new FakeClock();
    const { came, pacer } = pace(clock);
    const ended = pacer.run(0);
    clock.advance(100);
    pacer.stop();
    await ended;
    await settle();
    expect(clock.pendingTimers).toBe(0);
    expect(came).toHaveLength(10);
  });
});
