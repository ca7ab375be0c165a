import type { Clock } from '../clock.ts';
import type { TimerInstant } from './timer-table.ts';

/**
 * The time that timers go by.
 *
 * The steady clock shows the wall clock's time until that is set back, and goes on from there: a delay lasts as long as
 * it was asked for, and is over at once when the wall clock is set forward past its end. It is carried over a restart
 * by whoever stores it, or delays parked by it would become longer by what the wall clock was set back.
 */
export class TimerClock {
  readonly #clock: Clock;
  #steadyMs: number;
  #readAtMs: number;

  /** `notBeforeMs`: what the steady clock showed when it was stored. */
  constructor(clock: Clock, notBeforeMs = 0) {
    this.#clock = clock;
    this.#steadyMs = notBeforeMs;
    this.#readAtMs = clock.monotonicMs();
  }

  now(): TimerInstant {
    const wallMs = this.#clock.now();
    const monotonicMs = this.#clock.monotonicMs();
    this.#steadyMs = Math.max(wallMs, this.#steadyMs + (monotonicMs - this.#readAtMs));
    this.#readAtMs = monotonicMs;
    return { wallMs, steadyMs: this.#steadyMs, monotonicMs };
  }
}
