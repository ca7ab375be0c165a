import type { Sample } from './metrics-text.ts';

/** How many requests took no longer than so many seconds, by that bound; the last bound is Infinity. */
export type Buckets = ReadonlyMap<number, number>;

/** The buckets of a histogram, added up over what its labels tell apart. */
export function bucketsOf(samples: readonly Sample[]): Buckets {
  const buckets = new Map<number, number>();
  for (const { labels, value } of samples) {
    const bound = labels['le'] === '+Inf' ? Infinity : Number(labels['le']);
    buckets.set(bound, (buckets.get(bound) ?? 0) + value);
  }
  return buckets;
}

/** What came since an earlier reading. A count that fell is of a process that has started again: all of it is new. */
export function bucketsSince(now: Buckets, before: Buckets): Buckets {
  const isAnew = [...now].some(([bound, count]) => count < (before.get(bound) ?? 0));
  return isAnew
    ? now
    : new Map(Array.from(now, ([bound, count]) => [bound, count - (before.get(bound) ?? 0)]));
}

/**
 * The time within which a share of the requests was answered, in ms: a straight line between the two bounds it lies between, as
 * Prometheus has it; of what lies beyond the last bound, that. Null without any request.
 */
export function quantileMs(buckets: Buckets, share: number): number | null {
  const sorted = [...buckets].toSorted(([a], [b]) => a - b);
  const total = sorted.at(-1)?.[1] ?? 0;
  if (total === 0) return null;
  const rank = share * total;
  let [lowerBound, lowerCount] = [0, 0];
  for (const [bound, count] of sorted) {
    if (count >= rank) {
      if (bound === Infinity) return lowerBound * 1_000;
      const part = count === lowerCount ? 1 : (rank - lowerCount) / (count - lowerCount);
      return (lowerBound + (bound - lowerBound) * part) * 1_000;
    }
    [lowerBound, lowerCount] = [bound, count];
  }
  return lowerBound * 1_000;
}
