import type { Clock, TimerHandle } from '../../mq/clock.ts';
import { until } from './deadline.ts';

interface FakeTimer extends TimerHandle {
  dueMs: number;
  sequence: number;
  periodMs: number | undefined;
  callback: () => void;
}

/**
 * A clock that moves only when told to.
 *
 * `advance` fires what falls due, in order of due time, each with the clock standing at its own due time.
 * `advanceAndSettle` also lets promises and socket events run after every timer, or whatever else a test waits for.
 */
export class FakeClock implements Clock {
  #wallMs: number;
  #elapsedMs = 0;
  #sequence = 0;
  readonly #timers = new Set<FakeTimer>();

  constructor(startMs = Date.parse('2030-01-01T00:00:00Z')) {
    this.#wallMs = startMs;
  }

  now(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  /** Timers that would still fire: a test of clean-up expects 0. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  setTimeout(callback: () => void, delayMs: number): TimerHandle {
    return this.#start(callback, delayMs, undefined);
  }

  setInterval(callback: () => void, periodMs: number): TimerHandle {
    return this.#start(callback, periodMs, periodMs);
  }

  clearTimeout(handle: TimerHandle | undefined): void {
    this.#timers.delete(handle as FakeTimer);
  }

  clearInterval(handle: TimerHandle | undefined): void {
    this.#timers.delete(handle as FakeTimer);
  }

  advance(ms: number): void {
    const endMs = this.#elapsedMs + ms;
    for (let timer = this.#nextDue(endMs); timer; timer = this.#nextDue(endMs)) this.#fire(timer);
    this.#moveTo(endMs);
  }

  async advanceAndSettle(ms: number, settled: () => Promise<void> = settle): Promise<void> {
    const endMs = this.#elapsedMs + ms;
    await settled();
    for (let timer = this.#nextDue(endMs); timer; timer = this.#nextDue(endMs)) {
      this.#fire(timer);
      await settled();
    }
    this.#moveTo(endMs);
    await settled();
  }

  /** Moves on in steps until something is so. */
  async advanceUntil(probe: () => boolean, stepMs = 1_000): Promise<void> {
    await until(
      async () => {
        if (probe()) return true;
        await this.advanceAndSettle(stepMs);
        return probe();
      },
      { what: probe.toString() },
    );
  }

  /** Moves the wall clock alone, as an operator or NTP may do. */
  jumpWallClock(ms: number): void {
    this.#wallMs += ms;
  }

  #start(callback: () => void, delayMs: number, periodMs: number | undefined): TimerHandle {
    const timer: FakeTimer = {
      dueMs: this.#elapsedMs + Math.max(delayMs, periodMs === undefined ? 0 : 1),
      sequence: this.#sequence++,
      periodMs: periodMs === undefined ? undefined : Math.max(periodMs, 1),
      callback,
      unref: () => timer,
    };
    this.#timers.add(timer);
    return timer;
  }

  #nextDue(endMs: number): FakeTimer | undefined {
    let next: FakeTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs > endMs) continue;
      const isEarlier =
        next === undefined ||
        timer.dueMs < next.dueMs ||
        (timer.dueMs === next.dueMs && timer.sequence < next.sequence);
      if (isEarlier) next = timer;
    }
    return next;
  }

  #fire(timer: FakeTimer): void {
    this.#moveTo(timer.dueMs);
    if (timer.periodMs === undefined) this.#timers.delete(timer);
    else {
      timer.dueMs += timer.periodMs;
      timer.sequence = this.#sequence++;
    }
    timer.callback();
  }

  #moveTo(elapsedMs: number): void {
    if (elapsedMs <= this.#elapsedMs) return;
    this.#wallMs += elapsedMs - this.#elapsedMs;
    this.#elapsedMs = elapsedMs;
  }
}

/** Lets everything that is ready run: microtasks, then a few turns of the event loop. */
export async function settle(turns = 5): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
