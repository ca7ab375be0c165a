import type { Clock } from '../clock.ts';

/** One pause at a time, which someone else may cut short. */
export class Rest {
  readonly #clock: Clock;
  #end: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimeout(resolve, delayMs);
      this.#end = () => {
        this.#clock.clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Ends the pause being taken, if one is. */
  end(): void {
    this.#end();
  }
}
