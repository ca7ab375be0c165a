import { beforeEach, describe, expect, it } from '@jest/globals';
import { TestClock } from '../../../mq/testkit/test-clock.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

const MINUTE = 60_000;

let real: FakeClock;
let clock: TestClock;
/** What fired, and when by the clock under test. */
let fired: [string, number][];
let startMs: number;
/** What is due is delivered when this resolves. */
let settled: () => Promise<void>;

beforeEach(() => {
  real = new FakeClock();
  settled = () => Promise.resolve();
  clock = new TestClock({ real, settled: () => settled() });
  fired = [];
  startMs = clock.now();
});

function after(delayMs: number, name: string, then: () => void = () => undefined) {
  return clock.setTimeout(() => {
    fired.push([name, clock.now() - startMs]);
    then();
  }, delayMs);
}

describe('a test clock that nobody advances', () => {
  it('is real time', () => {
    expect(clock.now()).toBe(real.now());
    after(50, 'a');
    real.advance(49);
    expect(fired).toEqual([]);
    real.advance(1);
    expect(fired).toEqual([['a', 50]]);
    expect(clock.now()).toBe(real.now());
  });

  it('repeats intervals, and forgets what is cleared', () => {
    let ticks = 0;
    const interval = clock.setInterval(() => ticks++, 100);
    const timer = after(150, 'never');
    clock.clearTimeout(timer);
    real.advance(350);
    clock.clearInterval(interval);
    real.advance(1_000);
    expect([ticks, fired]).toEqual([3, []]);
    expect(real.pendingTimers).toBe(0);
  });

  it('waits for a timer that is due later than a timer can be set', () => {
    const month = 30 * 24 * 60 * MINUTE;
    after(month, 'a');
    real.advance(month - 1);
    expect(fired).toEqual([]);
    real.advance(1);
    expect(fired).toEqual([['a', month]]);
  });

  it('keeps both of its times in whole ms, so that a delay by one is over by the other', () => {
    real.advance(0.7);
    expect([clock.now() - startMs, clock.monotonicMs()]).toEqual([0, 0]);
    real.advance(0.4);
    expect([clock.now() - startMs, clock.monotonicMs()]).toEqual([1, 1]);
  });
});

describe('advance', () => {
  it('fires what falls due in order, each at its own time', async () => {
    after(20 * MINUTE, 'late');
    after(10 * MINUTE, 'early', () => after(5 * MINUTE, 'between'));
    after(31 * MINUTE, 'not yet');
    await clock.advance('30m');
    expect(fired).toEqual([
      ['early', 10 * MINUTE],
      ['between', 15 * MINUTE],
      ['late', 20 * MINUTE],
    ]);
    expect(clock.now()).toBe(startMs + 30 * MINUTE);
    expect(clock.now()).toBe(real.now() + 30 * MINUTE);
  });

  it('lets each delivery end before the next begins, and waits for the last', async () => {
    const deliveries: string[] = [];
    let underWay: Promise<void> = Promise.resolve();
    settled = () => underWay;
    const deliver = (name: string) => () => {
      underWay = settle().then(() => void deliveries.push(`${name} with ${fired.length} fired`));
    };
    after(1_000, 'a', deliver('a'));
    after(2_000, 'b', deliver('b'));
    await clock.advance('2s');
    expect(deliveries).toEqual(['a with 1 fired', 'b with 2 fired']);
  });

  it('goes on in real time from where it is', async () => {
    await clock.advance('1h');
    after(50, 'a');
    real.advance(50);
    expect(fired).toEqual([['a', 60 * MINUTE + 50]]);
  });

  it('brings nearer what is not due yet', async () => {
    after(60 * MINUTE, 'a');
    await clock.advance('59m');
    real.advance(MINUTE - 1);
    expect(fired).toEqual([]);
    real.advance(1);
    expect(fired).toEqual([['a', 60 * MINUTE]]);
  });

  it('moves by so much in all, although real time goes on while it delivers', async () => {
    settled = async () => real.advance(7);
    after(1_000, 'a');
    after(1_500, 'b');
    await clock.advance('2s');
    expect(clock.now() - real.now()).toBe(2_000);
    expect(fired.map(([name]) => name)).toEqual(['a', 'b']);
  });

  it('is done one after the other when it is asked for twice', async () => {
    after(1_000, 'a', () => after(1_000, 'b'));
    await Promise.all([clock.advance('1s'), clock.advance('1s')]);
    expect(fired).toEqual([
      ['a', 1_000],
      ['b', 2_000],
    ]);
  });

  it('leaves the clock running when what it fired throws', async () => {
    after(1_000, 'a', () => {
      throw new Error('a defect');
    });
    after(2_000, 'b');
    await expect(clock.advance('10s')).rejects.toThrow('a defect');
    await clock.advance('1s');
    expect(fired.map(([name]) => name)).toEqual(['a', 'b']);
  });

  it('refuses what is no duration, and does not move', async () => {
    await expect(clock.advance('soon')).rejects.toThrow('"soon" is no duration');
    await expect(clock.advance(-1)).rejects.toThrow('-1 is no duration');
    expect(clock.now()).toBe(startMs);
  });
});

describe('stepWallClock', () => {
  it('sets the wall clock and no timer, and says so', async () => {
    after(1_000, 'a');
    const seen: number[] = [];
    clock.onWallStep(() => seen.push(clock.now() - startMs));
    await clock.stepWallClock('2h');
    expect(fired).toEqual([]);
    expect([seen, clock.monotonicMs()]).toEqual([[120 * MINUTE], 0]);
    await clock.stepWallClock('-3h');
    await clock.stepWallClock(-1_000);
    expect(seen).toEqual([120 * MINUTE, -60 * MINUTE, -60 * MINUTE - 1_000]);
    await clock.advance('1s');
    expect(fired).toHaveLength(1);
  });

  it('waits for what it makes due', async () => {
    let isDelivered = false;
    settled = () => settle().then(() => void (isDelivered = true));
    await clock.stepWallClock('1h');
    expect(isDelivered).toBe(true);
  });

  it('refuses what is no duration', async () => {
    await expect(clock.stepWallClock('-')).rejects.toThrow('is no duration');
    await expect(clock.stepWallClock('--1h')).rejects.toThrow('is no duration');
    expect(clock.now()).toBe(startMs);
  });
});
