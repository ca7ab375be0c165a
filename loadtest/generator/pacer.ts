import type { ArrivalSchedule } from './arrivals.ts';

/** Of the process: on one clock that never goes back. */
export interface PacerClock {
  monotonicMs(): number;
  setTimeout(callback: () => void, delayMs: number): { unref(): unknown };
  clearTimeout(handle: { unref(): unknown } | undefined): void;
}

/** Which visitors of a schedule are this process's: every `of`th, from the `index`th on. */
export interface Share {
  readonly index: number;
  readonly of: number;
}

/**
 * Lets visitors come when they are due, or as soon after as this process can: none is left out because it is late.
 *
 * Units: `dueMs` on the clock, exact; timers fire up to a millisecond or two later, and all that are due by then come together.
 */
export class Pacer {
  readonly #schedule: ArrivalSchedule;
  readonly #share: Share;
  readonly #clock: PacerClock;
  readonly #onDue: (visitor: number, dueMs: number) => void;
  #next: number;
  #nextDueMs = 0;
  #startMs = 0;
  #timer: { unref(): unknown } | undefined;
  #onAllCame: () => void = () => undefined;

  constructor(
    schedule: ArrivalSchedule,
    share: Share,
    clock: PacerClock,
    onDue: (visitor: number, dueMs: number) => void,
  ) {
    this.#schedule = schedule;
    this.#share = share;
    this.#clock = clock;
    this.#onDue = onDue;
    this.#next = share.index;
  }

  /** Settles when the last visitor has come. `startMs` may be in the future. */
  run(startMs: number): Promise<void> {
    this.#startMs = startMs;
    return new Promise((resolve) => {
      this.#onAllCame = resolve;
      this.#findNextDue();
    });
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#onAllCame();
  }

  #findNextDue(): void {
    if (this.#next >= this.#schedule.count) {
      this.#onAllCame();
      return;
    }
    this.#nextDueMs = this.#startMs + this.#schedule.dueS(this.#next) * 1_000;
    const waitMs = this.#nextDueMs - this.#clock.monotonicMs();
    this.#timer = this.#clock.setTimeout(() => this.#letCome(), Math.max(1, Math.ceil(waitMs)));
  }

  #letCome(): void {
    const nowMs = this.#clock.monotonicMs();
    const { count } = this.#schedule;
    while (this.#nextDueMs <= nowMs) {
      this.#onDue(this.#next, this.#nextDueMs);
      this.#next += this.#share.of;
      if (this.#next >= count) break;
      this.#nextDueMs = this.#startMs + this.#schedule.dueS(this.#next) * 1_000;
    }
    this.#findNextDue();
  }
}
