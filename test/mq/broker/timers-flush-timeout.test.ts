import { describe, expect, it } from '@jest/globals';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { nextLife, TimersUnderTest } from './timers-under-test.ts';

describe('the copy of a timer', () => {
  it.each(Array.from({ length: 16 }, (_, seed) => seed))(
    'that was answered FLUSH_DISK_TIMEOUT and lost by a power cut is delivered again (disk seed %i)',
    async (seed) => {
      const disk = new FaultyFiles(seed);
      const clock = new FakeClock();
      const first = await TimersUnderTest.open({
        files: disk.process(),
        clock,
        flushDiskType: 'SYNC_FLUSH',
      });
      await first.park('m', 'TIMER_DELAY_MS', 1_000);
      disk.holdSyncs();
      await clock.advanceAndSettle(1_000, () => settle(20));
      await clock.advanceAndSettle(6_000, () => settle(20));
      // The store answered, the journal was written; whether either is on the disk is up to the power cut.
      disk.cutPower();
      const second = await TimersUnderTest.open({
        files: disk.process(),
        clock: nextLife(clock),
        flushDiskType: 'SYNC_FLUSH',
      });
      await second.advance(1_000);
      // Twice is allowed after a power cut, lost is not.
      expect(new Set((await second.copies()).map(({ name }) => name))).toEqual(new Set(['m']));
      await second.close();
    },
  );
});
