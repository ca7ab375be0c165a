/** After a failed send, how long nobody tries again: each try may take seconds, and customers are waiting. */
const HOLD_MS = 1_000;

/**
 * Remembers that the broker was away a moment ago, so that not everybody finds out for himself.
 *
 * What is sent meanwhile goes to the outbox at once. One second later the next sender tries.
 */
export class BrokerBreaker {
  readonly #steadyNow: () => number;
  #openUntilMs = -Infinity;

  /** `steadyNow`: milliseconds of a clock that nobody sets. */
  constructor(steadyNow: () => number = () => performance.now()) {
    this.#steadyNow = steadyNow;
  }

  get isOpen(): boolean {
    return this.#steadyNow() < this.#openUntilMs;
  }

  trip(): void {
    this.#openUntilMs = this.#steadyNow() + HOLD_MS;
  }
}
