import { expect, it } from '@jest/globals';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { nextLife, TimersUnderTest } from './timers-under-test.ts';

const HOUR = 3_600_000;

it('a delay is not begun again by a process that changes nothing, and a wall clock set back while it is down', async () => {
  const files = new FaultyFiles();
  let clock = new FakeClock();
  const first = await TimersUnderTest.open({ files, clock });
  await first.park('m', 'TIMER_DELAY_MS', 2 * HOUR);
  await first.close();
  clock = nextLife(clock);
  const second = await TimersUnderTest.open({ files, clock });
  await second.advance(HOUR);
  await second.close();
  clock = nextLife(clock, -24 * HOUR);
  const third = await TimersUnderTest.open({ files, clock });
  await third.advance(HOUR - 1);
  expect(await third.copies()).toEqual([]);
  await third.advance(1);
  expect(await third.copies()).toHaveLength(1);
  await third.close();
});

it('a delay is not made longer by a kill after its message was answered FLUSH_DISK_TIMEOUT, and a wall clock set back before', async () => {
  const disk = new FaultyFiles();
  let clock = new FakeClock();
  const open = (): Promise<TimersUnderTest> =>
    TimersUnderTest.open({ files: disk.process(), clock, flushDiskType: 'SYNC_FLUSH' });
  const first = await open();
  clock.jumpWallClock(-HOUR);
  disk.holdSyncs();
  const parking = first.park('m', 'TIMER_DELAY_MS', 20_000);
  await settle(20);
  await clock.advanceAndSettle(6_000, () => settle(20));
  await parking;
  disk.killProcess();
  clock = nextLife(clock);
  const second = await open();
  await second.advance(20_000);
  expect(await second.copies()).toHaveLength(1);
  await second.close();
});

it('a delay is not made longer by a kill while messages are due without end, and a wall clock set back before', async () => {
  const disk = new FaultyFiles();
  let clock = new FakeClock();
  const first = await TimersUnderTest.open({ files: disk.process(), clock });
  clock.jumpWallClock(-HOUR);
  await first.park('m', 'TIMER_DELAY_MS', 120_000);
  for (let second = 1; second < 60; second++) {
    await first.park(String(second), 'TIMER_DELAY_MS', second * 1_000);
  }
  const append = first.store.append.bind(first.store);
  let count = 0;
  // The next is due before this one is delivered.
  first.store.append = (given) => {
    clock.advance(1_000);
    if (++count === 50) disk.killProcess();
    return append(given);
  };
  await clock.advanceAndSettle(1_000, () => settle(500));
  expect(count).toBeGreaterThanOrEqual(50);
  const leftMs = 120_000 - clock.monotonicMs();
  clock = nextLife(clock);
  const second = await TimersUnderTest.open({ files: disk.process(), clock });
  await second.advance(leftMs + 10_000);
  expect((await second.copies()).map(({ name }) => name)).toContain('m');
  await second.close();
});

it('a delay is not made longer by a kill right after the wall clock was set back', async () => {
  const disk = new FaultyFiles();
  let clock = new FakeClock();
  const first = await TimersUnderTest.open({ files: disk.process(), clock });
  await first.park('m', 'TIMER_DELAY_MS', HOUR);
  await first.advance(HOUR - 60_000);
  clock.jumpWallClock(-24 * HOUR);
  disk.killProcess();
  clock = nextLife(clock);
  const second = await TimersUnderTest.open({ files: disk.process(), clock });
  await second.advance(60_000 - 1);
  expect(await second.copies()).toEqual([]);
  await second.advance(10_001);
  expect(await second.copies()).toHaveLength(1);
  await second.close();
});
