import type { Clock } from '../clock.ts';

/** One answer for all who ask while it is being made and for `keptMs` after; a failure, too. */
export class SharedAnswer<T> {
  readonly #make: () => Promise<T>;
  readonly #keptMs: number;
  readonly #clock: Clock;
  #answer: Promise<T> | undefined;
  #staleAtMs = 0;

  constructor(make: () => Promise<T>, keptMs: number, clock: Clock) {
    this.#make = make;
    this.#keptMs = keptMs;
    this.#clock = clock;
  }

  get(): Promise<T> {
    if (this.#answer === undefined || this.#clock.monotonicMs() >= this.#staleAtMs) {
      this.#answer = this.#renew();
    }
    return this.#answer;
  }

  async #renew(): Promise<T> {
    this.#staleAtMs = Infinity;
    try {
      return await this.#make();
    } finally {
      this.#staleAtMs = this.#clock.monotonicMs() + this.#keptMs;
    }
  }
}
