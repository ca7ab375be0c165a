export interface PaceSettings {
  /** Tickets at once at most. */
  batchCount: number;
  /** Orders a second at most; 0: as many as the database takes. */
  ordersPerS: number;
  /** What a batch may take. */
  targetBatchMs: number;
}

/** Smaller ones would cost the database more an order than they spare it. */
const MIN_PART = 1 / 4;
/** Added after each batch that was fast enough: from the smallest to the largest in about 12 of them. */
const STEP_COUNT = 16;
const MAX_PAUSE_MS = 1_000;

/**
 * How fast orders may be placed: at most so many a second, and as many as the database takes without becoming slow. It
 * knows what is slow by how long batches take: after one that took too long the next ones are half as large, down to a
 * quarter, and begin later by as much as it was late; after one that did not they grow again, step by step. So a database that
 * has others to serve is given room within a few batches, and what waits waits in the broker.
 *
 * One for all queues that are worked on side by side.
 */
export class Pace {
  readonly #settings: PaceSettings;
  readonly #steadyNow: () => number;
  #batchCount: number;
  #pauseMs = 0;
  /** When the next order may be placed. */
  #nextMs = 0;

  /** `steadyNow`: milliseconds of a clock that nobody sets. */
  constructor(settings: PaceSettings, steadyNow: () => number = () => performance.now()) {
    this.#settings = settings;
    this.#steadyNow = steadyNow;
    this.#batchCount = settings.batchCount;
  }

  /** Tickets that may be taken on at once now. */
  get batchCount(): number {
    return this.#batchCount;
  }

  /** How long to wait before so many are begun, in ms. They count as begun from then on. */
  begin(count: number): number {
    const { ordersPerS } = this.#settings;
    const nowMs = this.#steadyNow();
    const startMs = Math.max(nowMs, ordersPerS === 0 ? 0 : this.#nextMs);
    if (ordersPerS > 0) this.#nextMs = startMs + (count * 1_000) / ordersPerS;
    return Math.max(startMs - nowMs, this.#pauseMs);
  }

  /** A batch has been placed, or has failed, after so long. */
  end(tookMs: number): void {
    const { batchCount, targetBatchMs } = this.#settings;
    if (tookMs > targetBatchMs) {
      const half = Math.floor(this.#batchCount / 2);
      this.#batchCount = Math.max(half, Math.ceil(batchCount * MIN_PART));
      this.#pauseMs = Math.min(tookMs - targetBatchMs, MAX_PAUSE_MS);
    } else {
      this.#batchCount = Math.min(this.#batchCount + STEP_COUNT, batchCount);
      this.#pauseMs = 0;
    }
  }
}
