/** While the broker is away, how often somebody tries: each try may take seconds, and customers are waiting. */
const PAUSE_MS = 1_000;

/**
 * Remembers that the broker is away, so that not everybody finds out for himself.
 *
 * What is sent meanwhile goes to the outbox at once. Once a second one sender tries, alone: with a broker that hangs a try
 * takes longer than the pause, and if all tried again after it, most of them would wait. The first to succeed ends it.
 */
export class BrokerBreaker {
  readonly #steadyNow: () => number;
  /** Undefined: the broker is there, as far as anybody knows. */
  #nextTryMs: number | undefined;

  /** `steadyNow`: milliseconds of a clock that nobody sets. */
  constructor(steadyNow: () => number = () => performance.now()) {
    this.#steadyNow = steadyNow;
  }

  /** Nobody may try just now. */
  get isOpen(): boolean {
    return this.#nextTryMs !== undefined && this.#steadyNow() < this.#nextTryMs;
  }

  /** May the caller try? If so while the broker is away, he is the only one for a while. */
  admits(): boolean {
    if (this.isOpen) return false;
    if (this.#nextTryMs !== undefined) this.#nextTryMs = this.#steadyNow() + PAUSE_MS;
    return true;
  }

  trip(): void {
    this.#nextTryMs = this.#steadyNow() + PAUSE_MS;
  }

  /** The broker has answered. */
  close(): void {
    this.#nextTryMs = undefined;
  }
}
