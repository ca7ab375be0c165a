import type { LoadResult } from './generator/load-result.ts';
import type { Proof, Threshold } from './scenario.ts';

/** The figures of a run by name, as thresholds know them: of all requests `p99_ms`, of an endpoint `place.p99_ms`. */
export type Figures = Readonly<Record<string, number>>;

/** What a threshold wanted, and what it got: undefined when there is no such figure. */
export interface Verdict {
  name: string;
  threshold: Threshold;
  value: number | undefined;
  isMet: boolean;
}

/**
 * What a load came to, and what the databases say of it.
 *
 * Units: rates per second, of the time in which visitors came; times in ms, to the hundredth.
 */
export function figuresOf(run: {
  result: LoadResult;
  proof: Proof;
  ratePerS: number;
  /** Rows of the plateau a second, while there were any to come. */
  persistedPerS: number;
}): Figures {
  const { result, proof, ratePerS, persistedPerS } = run;
  const figures: Record<string, number> = {
    rate: ratePerS,
    answered_per_s: rounded(result.answeredPerS),
    p50_ms: rounded(result.latency.p50Ms),
    p95_ms: rounded(result.latency.p95Ms),
    p99_ms: rounded(result.latency.p99Ms),
    errors: Object.values(result.errors).reduce((sum, count) => sum + count, 0),
    accepted: result.counts['accepted'] ?? 0,
    persisted: proof.persisted,
    persisted_per_s: rounded(persistedPerS),
    oversold: proof.oversold,
    lost: proof.lost,
    duplicated: proof.duplicated,
  };
  for (const [name, { perS, errors, latency }] of Object.entries(result.endpoints)) {
    figures[`${name}.per_s`] = rounded(perS);
    figures[`${name}.p50_ms`] = rounded(latency.p50Ms);
    figures[`${name}.p95_ms`] = rounded(latency.p95Ms);
    figures[`${name}.p99_ms`] = rounded(latency.p99Ms);
    figures[`${name}.errors`] = errors;
  }
  return figures;
}

/** The one line a run ends with, in this order. Of endpoints and everything else the report tells. */
const inTheLine = [
  'rate',
  'answered_per_s',
  'p50_ms',
  'p95_ms',
  'p99_ms',
  'errors',
  'accepted',
  'persisted_per_s',
  'oversold',
  'lost',
  'duplicated',
] as const;

/** `more`: what a scenario has beside, `rss_growth_percent` say. */
export function lineOf(figures: Figures, more: Figures = {}): Figures {
  return { ...Object.fromEntries(inTheLine.map((name) => [name, figures[name] ?? 0])), ...more };
}

const comparisons: Readonly<Record<string, (value: number, limit: number) => boolean>> = {
  '<=': (value, limit) => value <= limit,
  '>=': (value, limit) => value >= limit,
  '<': (value, limit) => value < limit,
  '>': (value, limit) => value > limit,
  '==': (value, limit) => value === limit,
};

/**
 * Holds figures against thresholds. A figure that is not there meets none: a threshold on something that was not measured must
 * not be green.
 *
 * Errors: a RangeError naming a threshold that is no comparison and a number.
 */
export function judge(
  figures: Figures,
  thresholds: Readonly<Record<string, Threshold>>,
): Verdict[] {
  return Object.entries(thresholds).map(([name, threshold]) => {
    const [, comparison, limit] = /^(<=|>=|<|>|==) (-?\d+(?:\.\d+)?)$/.exec(threshold) ?? [];
    if (comparison === undefined) {
      const known = Object.keys(comparisons).join(', ');
      throw new RangeError(
        `the threshold of ${name} is ${JSON.stringify(threshold)}, it must be one of ${known}, a blank and a number`,
      );
    }
    const value = figures[name];
    const isMet = value !== undefined && comparisons[comparison]!(value, Number(limit));
    return { name, threshold, value, isMet };
  });
}

/** `p99_ms is 81.2, it must be <= 50`. */
export function verdictText({ name, threshold, value }: Verdict): string {
  return `${name} is ${value ?? 'not measured'}, it must be ${threshold}`;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
