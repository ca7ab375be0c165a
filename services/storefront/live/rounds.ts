import type { Timers } from './timers.ts';

/**
 * Repeats a piece of work for as long as somebody wants it: one at a time, beginning `periodMs` apart at least. Nobody wants
 * it: it rests, and `wake` has it begin again.
 */
export class Rounds {
  readonly #timers: Timers;
  readonly #periodMs: number;
  readonly #isWanted: () => boolean;
  readonly #work: () => Promise<void>;
  #state: 'resting' | 'working' | 'pausing' | 'stopped' = 'resting';
  #timer: unknown;

  /** `work` never throws. */
  constructor(parts: {
    timers: Timers;
    periodMs: number;
    isWanted: () => boolean;
    work: () => Promise<void>;
  }) {
    this.#timers = parts.timers;
    this.#periodMs = parts.periodMs;
    this.#isWanted = parts.isWanted;
    this.#work = parts.work;
  }

  wake(): void {
    if (this.#state !== 'resting' || !this.#isWanted()) return;
    this.#state = 'working';
    const startedAtMs = this.#timers.monotonicMs();
    void this.#work().then(() => {
      if (this.#state === 'stopped') return;
      this.#state = 'pausing';
      const pauseMs = Math.max(0, startedAtMs + this.#periodMs - this.#timers.monotonicMs());
      this.#timer = this.#timers.setTimeout(() => {
        this.#state = 'resting';
        this.wake();
      }, pauseMs);
    });
  }

  stop(): void {
    this.#state = 'stopped';
    this.#timers.clearTimeout(this.#timer);
  }
}
