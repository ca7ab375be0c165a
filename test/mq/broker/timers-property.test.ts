import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { nextLife, TimersUnderTest } from './timers-under-test.ts';
import { plays } from '../../support/plays.ts';

const START = Date.parse('2030-01-01T00:00:00Z');
const HOUR = 3_600_000;
const RUNS = 60;
/** How far behind the steady clock's note on disk may be. */
const STEADY_NOTE_MS = 10_000;

type Step =
  | { readonly op: 'park'; readonly property: string; readonly ms: number }
  | { readonly op: 'advance'; readonly ms: number }
  | { readonly op: 'jump'; readonly ms: number }
  | { readonly op: 'refuse'; readonly index: number }
  | { readonly op: 'allow' }
  | { readonly op: 'recall'; readonly index: number }
  | { readonly op: 'restart'; readonly downMs: number }
  | { readonly op: 'crash'; readonly downMs: number; readonly turns: number; readonly ms: number };

const always: readonly fc.WeightedArbitrary<Step>[] = [
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('park' as const),
      property: fc.constantFrom('TIMER_DELAY_MS', 'TIMER_DELIVER_MS'),
      ms: fc.integer({ min: -100, max: 20_000 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('advance' as const),
      ms: fc.integer({ min: 1, max: 8_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('jump' as const),
      ms: fc.integer({ min: -HOUR, max: HOUR }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('refuse' as const), index: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('allow' as const) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('recall' as const), index: fc.nat(30) }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('restart' as const), downMs: fc.nat(5_000) }),
  },
];
const withCrashes: readonly fc.WeightedArbitrary<Step>[] = [
  ...always,
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('crash' as const),
      downMs: fc.nat(5_000),
      turns: fc.nat(4),
      ms: fc.nat(5_000),
    }),
  },
];

interface Expected {
  readonly name: string;
  readonly isRelative: boolean;
  /** Of a relative one its delay, else the wall clock's time. */
  readonly ms: number;
  readonly parkedAtMs: number;
  readonly wallAheadMs: number;
  /** How far the wall clock was ever ahead of the monotonic one since. */
  maxWallAheadMs: number;
  /** By what it may be late: what restarts cost. */
  slackMs: number;
  wasRefused: boolean;
  isRecalled: boolean;
  copies: number;
  /** Stored while the process was about to be killed: it may come once more. */
  mayRepeat: boolean;
}

class Run {
  readonly #disk = new FaultyFiles();
  readonly #expected: Expected[] = [];
  #broker!: TimersUnderTest;
  #clock = new FakeClock(START);
  /** Wall clock less the time that really passed since the beginning. */
  #wallAheadMs = START;
  #seen = 0;
  /** The wall clock when the last doomed advance began. */
  #doomedFromMs = Number.POSITIVE_INFINITY;

  async play(script: readonly Step[]): Promise<void> {
    await this.#open();
    for (const step of script) {
      await this.#play(step);
      await this.#look();
    }
    await this.#play({ op: 'allow' });
    await this.#play({ op: 'advance', ms: 2_000 });
    await this.#play({ op: 'restart', downMs: 4 * HOUR });
    await this.#play({ op: 'advance', ms: 2_000 });
    await this.#look();
    for (const timer of this.#expected) {
      const { name, copies, isRecalled, mayRepeat } = timer;
      expect({ name, copies }).toEqual({
        name,
        copies: isRecalled ? 0 : mayRepeat ? Math.min(2, Math.max(1, copies)) : 1,
      });
    }
    expect(this.#broker.timers.size).toBe(0);
    await this.#broker.close();
    expect(this.#clock.pendingTimers).toBe(0);
  }

  async #play(step: Step): Promise<void> {
    switch (step.op) {
      case 'park':
        await this.#park(step.property, step.ms);
        break;
      case 'advance':
        await this.#broker.advance(step.ms);
        this.#expectNoneLate();
        break;
      case 'jump':
        // What is on its way was due by the old time, and would have a stamp of the new one.
        await this.#broker.timers.settled();
        this.#clock.jumpWallClock(step.ms);
        this.#wallAheadMs += step.ms;
        for (const timer of this.#expected) {
          timer.maxWallAheadMs = Math.max(timer.maxWallAheadMs, this.#wallAheadMs);
        }
        break;
      case 'refuse': {
        const timer = this.#expected[step.index];
        if (timer === undefined) break;
        timer.wasRefused = true;
        this.#broker.refused.add(timer.name);
        break;
      }
      case 'allow':
        this.#broker.refused.clear();
        break;
      case 'recall': {
        const timer = this.#expected[step.index];
        const outMs = timer && (await this.#broker.parked()).get(timer.name);
        if (outMs === undefined || !(await this.#broker.recall(timer!.name, outMs))) break;
        timer!.isRecalled = true;
        break;
      }
      case 'restart':
        await this.#broker.close();
        await this.#reopen(step.downMs, 1);
        break;
      case 'crash':
        this.#doomedFromMs = this.#clock.now();
        this.#clock.advance(step.ms);
        await settle(step.turns);
        this.#disk.killProcess();
        await this.#reopen(step.downMs, STEADY_NOTE_MS);
        break;
      default:
    }
  }

  async #park(property: string, ms: number): Promise<void> {
    const isRelative = property === 'TIMER_DELAY_MS';
    const wallMs = this.#clock.now();
    const name = String(this.#expected.length);
    const timer: Expected = {
      name,
      isRelative,
      ms: isRelative ? ms : wallMs + ms,
      parkedAtMs: wallMs - this.#wallAheadMs,
      wallAheadMs: this.#wallAheadMs,
      maxWallAheadMs: this.#wallAheadMs,
      slackMs: 0,
      wasRefused: false,
      isRecalled: false,
      copies: 0,
      mayRepeat: false,
    };
    await this.#broker.park(name, property, timer.ms);
    this.#expected.push(timer);
  }

  async #reopen(downMs: number, lostMs: number): Promise<void> {
    this.#clock = nextLife(this.#clock, downMs);
    for (const timer of this.#expected) timer.slackMs += downMs + lostMs;
    await this.#open();
  }

  async #open(): Promise<void> {
    this.#broker = await TimersUnderTest.open({ files: this.#disk.process(), clock: this.#clock });
    await this.#broker.timers.settled();
  }

  /** Counts what came since the last look. */
  async #look(): Promise<void> {
    const copies = await this.#broker.copies();
    for (const { name, storedAtMs } of copies.slice(this.#seen)) {
      const timer = this.#expected[Number(name)]!;
      timer.copies++;
      if (storedAtMs >= this.#doomedFromMs) timer.mayRepeat = true;
      expect({ name, isEarly: this.#isEarly(timer, storedAtMs) }).toEqual({ name, isEarly: false });
    }
    this.#seen = copies.length;
    this.#doomedFromMs = Number.POSITIVE_INFINITY;
  }

  /** A delay is over when it has really passed, or when the wall clock, set forward since, says so. */
  #isEarly({ isRelative, ms, ...timer }: Expected, storedAtMs: number): boolean {
    if (!isRelative) return storedAtMs < ms;
    const passedMs = storedAtMs - this.#wallAheadMs - timer.parkedAtMs;
    return passedMs + (timer.maxWallAheadMs - timer.wallAheadMs) < ms;
  }

  /** A delay that has really passed is over, whatever the wall clock says. */
  #expectNoneLate(): void {
    const passedAtMs = this.#clock.now() - this.#wallAheadMs;
    const waiting = this.#broker.timers.size;
    const mustBeOver = this.#expected.filter(
      (timer) =>
        !timer.wasRefused &&
        timer.isRelative &&
        passedAtMs >= timer.parkedAtMs + timer.ms + timer.slackMs,
    );
    expect(this.#expected.length - mustBeOver.length).toBeGreaterThanOrEqual(waiting);
  }
}

describe('timers under any interleaving', () => {
  it('of adds, clock advances, wall jumps both ways, refused puts, recalls and restarts: never early, late, lost or twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(...always), { minLength: 5, maxLength: 40 }), (script) =>
        new Run().play(script),
      ),
      plays(RUNS),
    );
  }, 120_000);

  it('and of kills: never early or lost, twice only what was delivered when it was killed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(...withCrashes), { minLength: 5, maxLength: 40 }),
        (script) => new Run().play(script),
      ),
      plays(RUNS),
    );
  }, 120_000);
});
