/** A measure may take this long, whatever it was asked to do: a run must end. */
export const HARD_LIMIT_MS = 120_000;

/** What several connections got done together. */
export interface Throughput {
  perS: number;
  /** Of one piece of work, from its start to its end, in milliseconds. */
  p50Ms: number;
  p99Ms: number;
}

/**
 * Has `connectionCount` workers repeat `work` for as long as asked, each one after another: a closed loop, which is what finds a
 * limit. What is under way at the end is finished and counted.
 *
 * Units: `piecesPerCall` is what one call gets done, for a batch of rows say.
 */
export async function repeatFor(
  durationMs: number,
  connectionCount: number,
  work: (connection: number) => Promise<void>,
  piecesPerCall = 1,
): Promise<Throughput> {
  const startedAt = performance.now();
  const until = startedAt + Math.min(durationMs, HARD_LIMIT_MS);
  const tookMs: number[] = [];
  const repeat = async (connection: number): Promise<void> => {
    for (let before = performance.now(); before < until;) {
      await work(connection);
      const after = performance.now();
      tookMs.push(after - before);
      before = after;
    }
  };
  await Promise.all(Array.from({ length: connectionCount }, (_, index) => repeat(index)));
  const seconds = (performance.now() - startedAt) / 1_000;
  tookMs.sort((a, b) => a - b);
  return {
    perS: (tookMs.length * piecesPerCall) / seconds,
    p50Ms: quantile(tookMs, 0.5),
    p99Ms: quantile(tookMs, 0.99),
  };
}

/** The smallest value that at least this share is not above. Shape: `sorted` ascending; 0 of nothing. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
