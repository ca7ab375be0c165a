import type { Clock } from '../clock.ts';

/** What two clocks may drift apart, or a flush may take, without being taken for a step. */
const STEP_MS = 1_000;

interface Era {
  readonly fromQueueOffset: number;
  /** The wall clock less the monotonic one while these messages were stored; the least of it that was seen. */
  wallAheadMs: number;
}

/**
 * What the wall clock would show now, had it not been set since a message of a queue was stored: so that the message's
 * store time can be compared with it.
 *
 * Messages that were there before this process count as stored under the clock it started with.
 */
export class WallSteps {
  readonly #clock: Clock;
  readonly #eras: Era[];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#eras = [{ fromQueueOffset: 0, wallAheadMs: clock.now() - clock.monotonicMs() }];
  }

  /** To be called for every message in the order of its queue, soon after it was stored. */
  noteStored(queueOffset: number, storeTimestamp: number): void {
    // By its own stamp: the wall clock may have been set since, and a delay must not seem to have begun earlier.
    const wallAheadMs = storeTimestamp - this.#clock.monotonicMs();
    const last = this.#eras.at(-1)!;
    if (Math.abs(wallAheadMs - last.wallAheadMs) > STEP_MS) {
      this.#eras.push({ fromQueueOffset: queueOffset, wallAheadMs });
    } else {
      last.wallAheadMs = Math.min(last.wallAheadMs, wallAheadMs);
    }
  }

  wallAt(queueOffset: number): number {
    const era = this.#eras.findLast(({ fromQueueOffset }) => fromQueueOffset <= queueOffset);
    return this.#clock.monotonicMs() + (era ?? this.#eras[0]!).wallAheadMs;
  }

  /** Messages below are of no interest any more. */
  forgetBelow(queueOffset: number): void {
    while (this.#eras.length > 1 && this.#eras[1]!.fromQueueOffset <= queueOffset) {
      this.#eras.shift();
    }
  }
}
