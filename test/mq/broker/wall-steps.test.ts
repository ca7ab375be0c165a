import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { WallSteps } from '../../../mq/broker/wall-steps.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { plays } from '../../support/plays.ts';

const DELAY_MS = 30_000;
const TOLERANCE_MS = 1_000;

describe('the wall clock as it would be without its steps', () => {
  it('never calls a delay over too early, and at most a second late, however it was set', () => {
    const step = fc.record({
      advanceMs: fc.nat(5_000),
      jumpMs: fc.oneof(fc.constant(0), fc.integer({ min: -3_600_000, max: 3_600_000 })),
      flushMs: fc.nat(300),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const clock = new FakeClock();
        const wall = new WallSteps(clock);
        const stored: { queueOffset: number; storeTimestamp: number; atMs: number }[] = [];
        const isOver = (each: (typeof stored)[number]): boolean =>
          wall.wallAt(each.queueOffset) >= each.storeTimestamp + DELAY_MS;
        for (const [queueOffset, { advanceMs, jumpMs, flushMs }] of steps.entries()) {
          clock.advance(advanceMs);
          const message = { queueOffset, storeTimestamp: clock.now(), atMs: clock.monotonicMs() };
          clock.advance(flushMs);
          wall.noteStored(queueOffset, message.storeTimestamp);
          stored.push(message);
          clock.jumpWallClock(jumpMs);
          for (const each of stored) {
            const waitedMs = clock.monotonicMs() - each.atMs;
            if (waitedMs < DELAY_MS) expect(isOver(each)).toBe(false);
            if (waitedMs >= DELAY_MS + TOLERANCE_MS) expect(isOver(each)).toBe(true);
          }
        }
      }),
      plays(300),
    );
  });

  it('forgets what is delivered', () => {
    const clock = new FakeClock();
    const wall = new WallSteps(clock);
    wall.noteStored(0, clock.now());
    clock.jumpWallClock(-60_000);
    wall.noteStored(1, clock.now());
    wall.forgetBelow(1);
    expect(wall.wallAt(1)).toBe(clock.now());
  });
});
