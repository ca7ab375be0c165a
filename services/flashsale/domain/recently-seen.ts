/**
 * Values by keys, of which those seen lately are kept, without a list to be kept in order.
 *
 * Bounded: when half of `maxCount` keys were seen, those that were not seen since the last time this happened are forgotten.
 */
export class RecentlySeen<Value> {
  readonly #maxCount: number;
  #recent = new Map<string, Value>();
  #earlier = new Map<string, Value>();

  constructor(maxCount: number) {
    this.#maxCount = maxCount;
  }

  get size(): number {
    return this.#recent.size + this.#earlier.size;
  }

  get(key: string): Value | undefined {
    const recent = this.#recent.get(key);
    if (recent !== undefined) return recent;
    const earlier = this.#earlier.get(key);
    if (earlier !== undefined) this.set(key, earlier);
    return earlier;
  }

  set(key: string, value: Value): void {
    if (this.#recent.size >= this.#maxCount / 2) {
      this.#earlier = this.#recent;
      this.#recent = new Map();
    } else {
      this.#earlier.delete(key);
    }
    this.#recent.set(key, value);
  }
}
