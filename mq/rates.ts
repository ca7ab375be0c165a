import type { Clock } from './clock.ts';

const SLOT_COUNT = 6;
/** Of which the slots are a minute, as the original's tools show rates. */
const SLOT_MS = 10_000;

/** Of what a group is given of a topic. */
export function rateKey(topic: string, group: string): string {
  return `${topic}@${group}`;
}

/**
 * How much there was of each kind, in all and a second, over the last six slots, which are a minute. Costs an addition a call and
 * no timer; a kind that there was nothing of for so long costs nothing.
 */
export class Rates {
  readonly #clock: Clock;
  readonly #counts = new Map<string, Float64Array>();
  readonly #slotMs: number;
  #slot: number;

  constructor(clock: Clock, slotMs = SLOT_MS) {
    this.#clock = clock;
    this.#slotMs = slotMs;
    this.#slot = this.#currentSlot();
  }

  add(kind: string, count: number): void {
    if (count === 0) return;
    this.#advance();
    let counts = this.#counts.get(kind);
    if (counts === undefined) {
      counts = new Float64Array(SLOT_COUNT);
      this.#counts.set(kind, counts);
    }
    counts[this.#slot % SLOT_COUNT]! += count;
  }

  sum(kind: string): number {
    this.#advance();
    let sum = 0;
    for (const count of this.#counts.get(kind) ?? []) sum += count;
    return sum;
  }

  perSecond(kind: string): number {
    return this.sum(kind) / ((this.#slotMs / 1000) * SLOT_COUNT);
  }

  #currentSlot(): number {
    return Math.floor(this.#clock.monotonicMs() / this.#slotMs);
  }

  #advance(): void {
    const now = this.#currentSlot();
    if (now === this.#slot) return;
    const passed = Math.min(now - this.#slot, SLOT_COUNT);
    for (const [kind, counts] of this.#counts) {
      for (let back = 0; back < passed; back++) counts[(now - back) % SLOT_COUNT] = 0;
      if (counts.every((count) => count === 0)) this.#counts.delete(kind);
    }
    this.#slot = now;
  }
}
