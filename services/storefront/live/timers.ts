/**
 * What waits, and what time it is, injected so that a test can let time pass.
 *
 * Units: milliseconds. `now` is for times that are shown or sent: the clock on the wall may be set back. `monotonicMs` never goes
 *        back, and is what waiting and rates are measured by.
 */
export interface Timers {
  now(): number;
  monotonicMs(): number;
  setTimeout(callback: () => void, delayMs: number): unknown;
  clearTimeout(handle: unknown): void;
}

export const systemTimers: Timers = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  // What the page is told must not keep the process alive.
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs).unref(),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
};
