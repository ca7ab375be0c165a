import { exposedIn, exposedMetrics, type ExposedMetric } from './exposed-metrics.ts';

export interface Matcher {
  readonly label: string;
  /** Of a pattern, its alternatives. */
  readonly values: readonly string[];
}

export interface Selector {
  /** What stands before it: the functions that it is given to. */
  readonly before: string;
  readonly name: string;
  readonly matchers: readonly Matcher[];
  readonly hasRange: boolean;
}

/** The metrics of an expression, in which labels are to be found in braces and behind `by` alone. */
export function selectorsIn(expr: string): Selector[] {
  const selector = /\b([a-z][a-z0-9]*_[a-z0-9_]+)\b(?!\s*\()(?:\{([^}]*)\})?(\[[^\]]*\])?/g;
  return [...withoutGroupings(expr).matchAll(selector)].map((match) => ({
    before: expr.slice(0, match.index),
    name: match[1]!,
    matchers: [...(match[2] ?? '').matchAll(/(\w+)\s*[=!]~?\s*"([^"]*)"/g)].map(
      ([, label, value]) => ({ label: label!, values: value!.split('|') }),
    ),
    hasRange: match[3] !== undefined,
  }));
}

const grouping = /\bby \(([^)]*)\)/g;

function withoutGroupings(expr: string): string {
  return expr.replaceAll(grouping, (text) => ' '.repeat(text.length));
}

/** Labels that the results of an expression have. */
export function groupedBy(expr: string): string[] {
  return [...expr.matchAll(grouping)].flatMap(([, labels]) => labels!.split(/,\s*/));
}

/** All that the processes of the shop expose. */
export class Exposition {
  readonly #metrics = new Map<string, { type: string; labels: Set<string> }>();

  private constructor(metrics: readonly ExposedMetric[]) {
    for (const { name, type, labels } of metrics) {
      const all = this.#metrics.get(name) ?? { type, labels: new Set() };
      this.#metrics.set(name, { type, labels: new Set([...all.labels, ...labels]) });
    }
  }

  static async read(): Promise<Exposition> {
    const { broker, nameServer, ofServices } = await exposedMetrics();
    return new Exposition([...exposedIn(broker), ...exposedIn(nameServer), ...ofServices]);
  }

  typeOf(series: string): string | undefined {
    return this.#metricOf(series)?.type;
  }

  /** Those that the samples of a series have, with the `le` of buckets. */
  labelsOf(series: string): ReadonlySet<string> {
    const labels = this.#metricOf(series)?.labels ?? [];
    return new Set([...labels, ...(series.endsWith('_bucket') ? ['le'] : [])]);
  }

  /** Of a histogram, its series are named. */
  #metricOf(series: string): { type: string; labels: Set<string> } | undefined {
    const whole = this.#metrics.get(series.replace(/_(bucket|count|sum)$/, ''));
    return whole?.type === 'histogram' ? whole : this.#metrics.get(series);
  }
}
