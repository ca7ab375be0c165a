import type { Clock, TimerHandle } from '../clock.ts';
import { DurationHistogram } from '../duration-histogram.ts';

/** Between two looks. Shorter delays are seen if they come in between. */
const PERIOD_MS = 20;
const BOUNDS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000];

/**
 * How late this process does what falls due. Counted from its start to its end: whoever reads it takes nothing from the next
 * one, and the difference of two readings is what was in between.
 */
export class EventLoopDelay {
  readonly durations = new DurationHistogram(BOUNDS_MS);
  readonly #clock: Clock;
  readonly #timer: TimerHandle;
  #lookedAtMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lookedAtMs = clock.monotonicMs();
    this.#timer = clock.setInterval(() => this.#look(), PERIOD_MS);
    this.#timer.unref();
  }

  close(): void {
    this.#clock.clearInterval(this.#timer);
  }

  #look(): void {
    const now = this.#clock.monotonicMs();
    let lateMs = Math.max(0, now - this.#lookedAtMs - PERIOD_MS);
    this.#lookedAtMs = now;
    // The looks that were left out meanwhile would have been late as well: a second's halt is fifty of them, not one.
    for (; lateMs >= 0; lateMs -= PERIOD_MS) this.durations.add(lateMs);
  }
}
