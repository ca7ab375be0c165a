import { expect, it } from '@jest/globals';
import { FakeClock } from '../../support/fake-clock.ts';
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
