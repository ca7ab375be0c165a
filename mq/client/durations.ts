import type { DurationHistogram } from '../duration-histogram.ts';

/** In ms: from what a broker beside the client takes to what an application has given up on. */
export const CLIENT_BOUNDS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

/** How long things took, at one moment. */
export interface Durations {
  readonly count: number;
  readonly sumMs: number;
  /** How many took at most `upToMs`, those of the buckets before included; what took longer is in `count` only. */
  readonly buckets: readonly { readonly upToMs: number; readonly count: number }[];
}

export function durationsOf(histogram: DurationHistogram): Durations {
  let count = 0;
  return {
    count: histogram.count,
    sumMs: histogram.sumMs,
    buckets: histogram.boundsMs.map((upToMs, index) => {
      count += histogram.counts[index]!;
      return { upToMs, count };
    }),
  };
}
