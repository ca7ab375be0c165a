/** What a clock hands out for a running timer. `unref` lets the process end while the timer is pending. */
export interface TimerHandle {
  unref(): unknown;
}

/**
 * Time, passed in. Everything that waits or expires takes a Clock, so that tests advance it instead of sleeping.
 *
 * Units: milliseconds throughout. `now` is wall-clock time for stamps that leave the process and may jump;
 *        `monotonicMs` never goes back and is the only one to measure waiting with.
 */
export interface Clock {
  now(): number;
  monotonicMs(): number;
  setTimeout(callback: () => void, delayMs: number): TimerHandle;
  clearTimeout(handle: TimerHandle | undefined): void;
  setInterval(callback: () => void, periodMs: number): TimerHandle;
  clearInterval(handle: TimerHandle | undefined): void;
  /** Only of clocks that know: calls `listener` whenever wall-clock time was set. Of others it has to be found out. */
  onWallStep?(listener: () => void): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout | undefined),
  setInterval: (callback, periodMs) => setInterval(callback, periodMs),
  clearInterval: (handle) => clearInterval(handle as NodeJS.Timeout | undefined),
};

/** Waits and measures by one clock and stamps by another: `wall` may jump while nothing that runs is late for it. */
export function stampedBy(wall: Pick<Clock, 'now'>, clock: Clock): Clock {
  return {
    now: () => wall.now(),
    monotonicMs: () => clock.monotonicMs(),
    setTimeout: (callback, delayMs) => clock.setTimeout(callback, delayMs),
    clearTimeout: (handle) => clock.clearTimeout(handle),
    setInterval: (callback, periodMs) => clock.setInterval(callback, periodMs),
    clearInterval: (handle) => clock.clearInterval(handle),
  };
}
