import { describe, expect, test } from '@jest/globals';
import { Sampler } from '../../../loadtest/sampling/sampler.ts';
import { FakeClock } from '../../support/fake-clock.ts';

describe('a sampler', () => {
  test('tells cores and memory of each process by the second since the load began', async () => {
    const clock = new FakeClock();
    const beganMs = clock.now() + 2_000;
    const sampler = new Sampler({
      clock,
      processes: { gate: 7, gone: 8 },
      counts: {},
      readUsage: (pid) =>
        pid === 7
          ? { cpuMs: clock.monotonicMs() * 0.4, rssBytes: 1_000 + clock.monotonicMs() }
          : undefined,
    });
    await clock.advanceAndSettle(4_000);
    const { processes } = await sampler.stop(beganMs);
    expect(processes['gate']!.rssBytes.map(({ atS }) => atS)).toEqual([-2, -1, 0, 1, 2]);
    expect(processes['gate']!.rssBytes.at(-1)!.value).toBe(5_000);
    expect(processes['gate']!.cpu.map(({ value }) => value)).toEqual([0.4, 0.4, 0.4, 0.4]);
    expect(processes['gone']).toEqual({ cpu: [], rssBytes: [] });
    expect(clock.pendingTimers).toBe(0);
  });

  test('a process that was started again begins anew, and not with less than nothing', async () => {
    const clock = new FakeClock();
    const startedMs: Record<number, number> = { 7: 0, 9: 1_500 };
    const sampler = new Sampler({
      clock,
      processes: { gate: 7 },
      counts: {},
      readUsage: (pid) => ({ cpuMs: clock.monotonicMs() - startedMs[pid]!, rssBytes: pid }),
    });
    await clock.advanceAndSettle(1_500);
    sampler.add('gate', 9);
    await clock.advanceAndSettle(2_000);
    const { processes } = await sampler.stop(clock.now());
    expect(processes['gate']!.rssBytes.map(({ value }) => value)).toEqual([7, 7, 9, 9]);
    expect(processes['gate']!.cpu.map(({ value }) => value)).toEqual([1, 1]);
  });

  test('asks for a count four times a second, and seldom for one that takes long', async () => {
    const clock = new FakeClock();
    const asked = { cheap: 0, dear: 0 };
    const sampler = new Sampler({
      clock,
      processes: {},
      counts: {
        cheap: () => Promise.resolve(++asked.cheap),
        dear: () =>
          new Promise((resolve) => {
            asked.dear += 1;
            clock.setTimeout(() => resolve(asked.dear), 100);
          }),
      },
    });
    await clock.advanceAndSettle(4_150);
    const { counts } = await sampler.stop(clock.now() - 4_150);
    expect(asked).toEqual({ cheap: 17, dear: 3 });
    expect(counts['cheap']!.map(({ atS }) => atS).slice(0, 4)).toEqual([0, 0.25, 0.5, 0.75]);
    // As of when it was asked for, not of when it was told; 100 ms of 2 s are a twentieth.
    expect(counts['dear']!.map(({ atS }) => atS)).toEqual([0, 2, 4]);
  });

  test('a count that is not to be had is told as a failure, and asked for again', async () => {
    const clock = new FakeClock();
    let calls = 0;
    const sampler = new Sampler({
      clock,
      processes: {},
      counts: {
        rows: async () => {
          calls += 1;
          if (calls <= 2) throw new Error('the database is starting');
          return calls;
        },
      },
    });
    await clock.advanceAndSettle(600);
    const { counts, failures } = await sampler.stop(clock.now());
    expect(counts['rows']!.map(({ value }) => value)).toEqual([3]);
    expect(failures).toEqual({ rows: { count: 2, last: 'Error: the database is starting' } });
  });
});
