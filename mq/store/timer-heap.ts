import assert from 'node:assert/strict';

const FIRST_CAPACITY = 64;

/**
 * A binary heap of (key, value) pairs, smallest key first and, among equal keys, smallest value first.
 *
 * Two typed arrays and no object per pair: 16 bytes a pair, and up to twice that after it grew.
 */
export class TimerHeap {
  #keys: Float64Array;
  #values: Float64Array;
  #size: number;

  constructor(keys = new Float64Array(0), values = new Float64Array(0)) {
    assert(keys.length === values.length, 'every key has a value');
    this.#keys = keys;
    this.#values = values;
    this.#size = keys.length;
    this.#heapify();
  }

  get size(): number {
    return this.#size;
  }

  /** What its arrays take. */
  get bytes(): number {
    return this.#keys.byteLength + this.#values.byteLength;
  }

  /** Infinity when it is empty. */
  get firstKey(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#keys[0]!;
  }

  /** Of the pair with the smallest key; the heap must not be empty. */
  get firstValue(): number {
    assert(this.#size > 0, 'the heap has a first pair');
    return this.#values[0]!;
  }

  push(key: number, value: number): void {
    if (this.#size === this.#keys.length) {
      this.#resize(Math.max(FIRST_CAPACITY, Math.ceil(this.#size * 1.5)));
    }
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(key, value, parent)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#keys[at] = key;
    this.#values[at] = value;
  }

  /** Removes the first pair and returns its value. */
  pop(): number {
    const first = this.firstValue;
    this.#size--;
    this.#move(this.#size, 0);
    this.#sink(0);
    if (this.#size * 4 < this.#keys.length && this.#keys.length > FIRST_CAPACITY) {
      this.#resize(this.#size * 2);
    }
    return first;
  }

  /** Goes over all pairs once, however many values are given; calls `removed` with the key of each that goes. */
  removeValues(values: ReadonlySet<number>, removed?: (key: number) => void): void {
    // Mostly the oldest go, and a comparison costs less than a look into the set.
    let highest = Number.NEGATIVE_INFINITY;
    for (const value of values) if (value > highest) highest = value;
    let kept = 0;
    for (let at = 0; at < this.#size; at++) {
      const value = this.#values[at]!;
      if (value <= highest && values.has(value)) removed?.(this.#keys[at]!);
      else this.#move(at, kept++);
    }
    if (kept === this.#size) return;
    this.#size = kept;
    this.#heapify();
  }

  /** In no particular order. Views of the heap's own memory, valid until its next change. */
  get keys(): Float64Array {
    return this.#keys.subarray(0, this.#size);
  }

  /** In the order of `keys`. */
  get values(): Float64Array {
    return this.#values.subarray(0, this.#size);
  }

  #heapify(): void {
    for (let at = (this.#size >> 1) - 1; at >= 0; at--) this.#sink(at);
  }

  #sink(from: number): void {
    let at = from;
    const key = this.#keys[at]!;
    const value = this.#values[at]!;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      const right = child + 1;
      if (right < this.#size && this.#isBefore(this.#keys[right]!, this.#values[right]!, child)) {
        child = right;
      }
      if (this.#isBefore(key, value, child)) break;
      this.#move(child, at);
      at = child;
    }
    if (at >= this.#size) return;
    this.#keys[at] = key;
    this.#values[at] = value;
  }

  #isBefore(key: number, value: number, at: number): boolean {
    const other = this.#keys[at]!;
    return key < other || (key === other && value < this.#values[at]!);
  }

  #move(from: number, to: number): void {
    this.#keys[to] = this.#keys[from]!;
    this.#values[to] = this.#values[from]!;
  }

  #resize(capacity: number): void {
    const keys = new Float64Array(capacity);
    const values = new Float64Array(capacity);
    keys.set(this.keys);
    values.set(this.values);
    this.#keys = keys;
    this.#values = values;
  }
}
