const FIRST_CAPACITY = 64;

/**
 * How often each of many times occurs: a hash table with open addressing.
 *
 * Two typed arrays and no object per time: 12 bytes a place, and 3/8 to 3/4 of the places are taken.
 */
export class TimeCounts {
  #times: Float64Array;
  /** 0: the place is free. */
  #counts: Uint32Array;
  #size = 0;

  constructor(times: Float64Array = new Float64Array(0)) {
    let capacity = FIRST_CAPACITY;
    while (isCrowded(times.length, capacity)) capacity *= 2;
    this.#times = new Float64Array(capacity);
    this.#counts = new Uint32Array(capacity);
    for (const time of times) this.add(time);
  }

  /** What its arrays take. */
  get bytes(): number {
    return this.#times.byteLength + this.#counts.byteLength;
  }

  has(time: number): boolean {
    return this.#counts[this.#placeOf(time)]! > 0;
  }

  add(time: number): void {
    const place = this.#placeOf(time);
    const count = this.#counts[place]!;
    this.#times[place] = time;
    this.#counts[place] = count + 1;
    if (count > 0) return;
    this.#size++;
    if (isCrowded(this.#size, this.#counts.length)) this.#resize(this.#counts.length * 2);
  }

  /** Takes one back that was added. */
  remove(time: number): void {
    const place = this.#placeOf(time);
    const count = this.#counts[place]!;
    if (count === 0) return;
    this.#counts[place] = count - 1;
    if (count > 1) return;
    this.#size--;
    this.#close(place);
    const capacity = this.#counts.length;
    if (this.#size * 8 < capacity && capacity > FIRST_CAPACITY) this.#resize(capacity / 2);
  }

  /** Where it is, or where it would be added. */
  #placeOf(time: number): number {
    const mask = this.#counts.length - 1;
    let place = hashOf(time) & mask;
    while (this.#counts[place]! > 0 && this.#times[place] !== time) place = (place + 1) & mask;
    return place;
  }

  /** Moves up what stands behind a place that became free: nobody looks beyond one. */
  #close(freed: number): void {
    const mask = this.#counts.length - 1;
    let free = freed;
    for (let at = (free + 1) & mask; this.#counts[at]! > 0; at = (at + 1) & mask) {
      const home = hashOf(this.#times[at]!) & mask;
      // It would not be found in the free place if it belongs behind that.
      if (((at - home) & mask) < ((at - free) & mask)) continue;
      this.#times[free] = this.#times[at]!;
      this.#counts[free] = this.#counts[at]!;
      this.#counts[at] = 0;
      free = at;
    }
  }

  #resize(capacity: number): void {
    const times = this.#times;
    const counts = this.#counts;
    this.#times = new Float64Array(capacity);
    this.#counts = new Uint32Array(capacity);
    for (let at = 0; at < counts.length; at++) {
      if (counts[at] === 0) continue;
      const place = this.#placeOf(times[at]!);
      this.#times[place] = times[at]!;
      this.#counts[place] = counts[at]!;
    }
  }
}

function isCrowded(size: number, capacity: number): boolean {
  return size * 4 > capacity * 3;
}

/** Neighbouring times must not be neighbours in the table: long stretches of taken places would be searched. */
function hashOf(time: number): number {
  let hash = Math.imul((time | 0) ^ Math.imul(Math.floor(time / 2 ** 32), 0x85ebca6b), 0x9e3779b1);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 13);
}
