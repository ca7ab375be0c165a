/** What a process held at a moment. Units: seconds since the start of the load; bytes. */
export interface MemorySample {
  atS: number;
  rssBytes: number;
}

/** How a process' memory went, without the time in which it warmed up. */
export interface MemoryGrowth {
  /** From the beginning of the line to its end, in percent of the beginning. Negative: it shrank. */
  percent: number;
  /** Of the line. */
  fromBytes: number;
  toBytes: number;
  sampleCount: number;
}

/** Fewer say nothing. */
const minSamples = 10;
/** Of more, every n-th is taken: the pairs are as many as the square of it. */
const maxSamples = 600;

/**
 * How much memory grew over a load, by the line through its samples whose slope is the median of the slopes of all pairs
 * (Theil and Sen): a garbage collection just before the end, or a peak that is gone, moves it by nothing. Of what came in the first
 * `warmUpS`, caches that fill and code that is compiled, nothing is in it.
 *
 * Undefined when there are fewer than 10 samples after the warm-up.
 */
export function memoryGrowth(
  samples: readonly MemorySample[],
  warmUpS: number,
): MemoryGrowth | undefined {
  const warm = thinned(samples.filter(({ atS }) => atS >= warmUpS));
  if (warm.length < minSamples) return undefined;
  const slopes: number[] = [];
  for (const [index, from] of warm.entries()) {
    for (const to of warm.slice(index + 1)) {
      if (to.atS > from.atS) slopes.push((to.rssBytes - from.rssBytes) / (to.atS - from.atS));
    }
  }
  if (slopes.length === 0) return undefined;
  const slope = median(slopes);
  const base = median(warm.map(({ atS, rssBytes }) => rssBytes - slope * atS));
  const fromBytes = base + slope * warm[0]!.atS;
  const toBytes = base + slope * warm.at(-1)!.atS;
  return {
    percent: fromBytes > 0 ? ((toBytes - fromBytes) / fromBytes) * 100 : 0,
    fromBytes,
    toBytes,
    sampleCount: warm.length,
  };
}

/** A third of the load at most, and no more than five minutes. */
export function warmUpOf(durationS: number): number {
  return Math.min(300, durationS / 3);
}

function thinned(samples: readonly MemorySample[]): MemorySample[] {
  const step = Math.max(1, samples.length / maxSamples);
  const count = Math.min(samples.length, maxSamples);
  return Array.from({ length: count }, (_, index) => samples[Math.floor(index * step)]!);
}

/** Errors: none; NaN of nothing. */
function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
