/** How long things took, counted by upper bounds. Costs a few comparisons a measurement, and memory for the bounds alone. */
export class DurationHistogram {
  /** In ms, ascending. */
  readonly boundsMs: readonly number[];
  /** How many took at most each bound and more than the one before; the last one is for what took longer than all. */
  readonly counts: Float64Array;
  #sumMs = 0;
  #count = 0;

  constructor(boundsMs: readonly number[]) {
    this.boundsMs = boundsMs;
    this.counts = new Float64Array(boundsMs.length + 1);
  }

  get count(): number {
    return this.#count;
  }

  get sumMs(): number {
    return this.#sumMs;
  }

  add(tookMs: number): void {
    let at = 0;
    while (at < this.boundsMs.length && tookMs > this.boundsMs[at]!) at++;
    this.counts[at]!++;
    this.#sumMs += tookMs;
    this.#count++;
  }
}
