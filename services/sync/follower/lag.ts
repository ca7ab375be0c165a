/** Knows how old is what has been published. */
export class Lag {
  readonly #steadyNow: () => number;
  readonly #heartbeatMs: number;
  #caughtUpAtMs: number | undefined;

  constructor(steadyNow: () => number, heartbeatMs: number) {
    this.#steadyNow = steadyNow;
    this.#heartbeatMs = heartbeatMs;
  }

  /** The source has nothing more, and everything is published. */
  caughtUp(): void {
    this.#caughtUpAtMs = this.#steadyNow();
  }

  /**
   * In seconds; undefined before anything is known. Times in the binlog are whole seconds of the source's clock.
   *
   * `publishedThroughMs`: when the latest change happened of those that are published.
   */
  seconds(known: {
    nowMs: number;
    /** Nothing waits, and what the source says is read. */
    isFollowing: boolean;
    publishedThroughMs: number | undefined;
  }): number | undefined {
    const sinceCaughtUpMs =
      this.#caughtUpAtMs === undefined ? Infinity : this.#steadyNow() - this.#caughtUpAtMs;
    // The next heartbeat need not have come yet.
    if (known.isFollowing && sinceCaughtUpMs < 2.5 * this.#heartbeatMs) return 0;
    const { publishedThroughMs } = known;
    const sincePublishedMs =
      publishedThroughMs === undefined ? Infinity : known.nowMs - publishedThroughMs;
    const lagMs = Math.min(sinceCaughtUpMs, sincePublishedMs);
    return lagMs === Infinity ? undefined : Math.max(0, lagMs) / 1_000;
  }
}
