/** Random numbers that a seed repeats (mulberry32). Print the seed, so that a run can be repeated. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** The same entries in another order. */
  shuffled<T>(list: readonly T[]): T[] {
    const drawn = [...list];
    for (let last = drawn.length - 1; last > 0; last -= 1) {
      const other = this.below(last + 1);
      [drawn[last], drawn[other]] = [drawn[other]!, drawn[last]!];
    }
    return drawn;
  }
}
