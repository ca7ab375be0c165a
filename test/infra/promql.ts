import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { exposedIn, exposedMetrics, type ExposedMetric } from './exposed-metrics.ts';

export interface Matcher {
  readonly label: string;
  /** Of a pattern, its alternatives. */
  readonly values: readonly string[];
}

export interface Selector {
  readonly name: string;
  readonly matchers: readonly Matcher[];
  /** What it is given to, such as `rate`, when it asks for a stretch of time. */
  readonly overTime: string | undefined;
}

/** Grammar that no expression of ours uses: labels in quotes, and groups by all labels but some. */
const notTold: ReadonlySet<string> = new Set(['QuotedLabelMatcher', 'QuotedLabelName', 'Without']);

/** A PromQL expression, as Prometheus's own grammar reads it. */
export class Expression {
  readonly selectors: readonly Selector[];
  /** Labels that something in it is grouped by. */
  readonly groupedBy: readonly string[];

  /** Grafana's `$__rate_interval` stands for a duration. Errors: SyntaxError, also for what is not told apart here. */
  constructor(expr: string) {
    const text = expr.replaceAll('$__rate_interval', '5m');
    const selectors: Selector[] = [];
    const groupedBy: string[] = [];
    const textOf = ({ from, to }: SyntaxNode): string => text.slice(from, to);
    parser.parse(text).iterate({
      enter: ({ type, node, from }) => {
        if (type.isError || notTold.has(type.name)) {
          throw new SyntaxError(`${text}: not understood from ${from} on`);
        }
        if (type.name === 'VectorSelector') selectors.push(selectorOf(node, textOf));
        if (type.name === 'GroupingLabels') {
          groupedBy.push(...node.getChildren('LabelName').map((label) => textOf(label)));
        }
      },
    });
    this.selectors = selectors;
    this.groupedBy = groupedBy;
  }
}

function selectorOf(node: SyntaxNode, textOf: (node: SyntaxNode) => string): Selector {
  const name = node.getChild('Identifier');
  if (name === null) throw new SyntaxError(`${textOf(node)} does not begin with a metric`);
  const matchers = node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? [];
  const range = node.parent?.name === 'MatrixSelector' ? node.parent : undefined;
  const call = range?.parent?.parent?.getChild('FunctionIdentifier');
  return {
    name: textOf(name),
    matchers: matchers.map((matcher) => ({
      label: textOf(matcher.getChild('LabelName')!),
      values: textOf(matcher.getChild('StringLiteral')!).slice(1, -1).split('|'),
    })),
    overTime: range && (call ? textOf(call) : ''),
  };
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
