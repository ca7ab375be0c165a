import type { DurationHistogram } from '../duration-histogram.ts';

export type Labels = Readonly<Record<string, string>>;

/** One number of a metric; its labels tell it from the others. */
export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

interface Described {
  readonly name: string;
  readonly help: string;
}

/** One metric as it is exposed: all its samples at one moment. */
export type Metric =
  | (Described & { readonly type: 'counter' | 'gauge'; readonly samples: readonly Sample[] })
  | (Described & {
      readonly type: 'histogram';
      readonly histograms: readonly {
        readonly labels?: Labels;
        readonly durations: DurationHistogram;
      }[];
      /** The unit of the bounds and the sum that are exposed. */
      readonly unitMs: number;
      /** In ms: of the bounds that were counted by, those that are exposed. Default: all. */
      readonly boundsMs?: readonly number[];
    });

export function counter(name: string, help: string, samples: number | readonly Sample[]): Metric {
  return { type: 'counter', name, help, samples: samplesOf(samples) };
}

export function gauge(name: string, help: string, samples: number | readonly Sample[]): Metric {
  return { type: 'gauge', name, help, samples: samplesOf(samples) };
}

function samplesOf(samples: number | readonly Sample[]): readonly Sample[] {
  return typeof samples === 'number' ? [{ value: samples }] : samples;
}

export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * Metrics in Prometheus's text format. `labels` are added to every sample.
 *
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function exposition(metrics: Iterable<Metric>, labels: Labels = {}): string {
  const lines: string[] = [];
  for (const metric of metrics) {
    lines.push(`# HELP ${metric.name} ${escapeHelp(metric.help)}`);
    lines.push(`# TYPE ${metric.name} ${metric.type}`);
    if (metric.type === 'histogram') addHistograms(lines, metric, labels);
    else {
      for (const sample of metric.samples) {
        lines.push(line(metric.name, { ...labels, ...sample.labels }, sample.value));
      }
    }
  }
  return lines.map((each) => `${each}\n`).join('');
}

function addHistograms(
  lines: string[],
  metric: Metric & { type: 'histogram' },
  labels: Labels,
): void {
  const { name, unitMs } = metric;
  for (const { labels: own, durations } of metric.histograms) {
    const all = { ...labels, ...own };
    const exposed = new Set(metric.boundsMs ?? durations.boundsMs);
    let count = 0;
    for (const [index, boundMs] of durations.boundsMs.entries()) {
      count += durations.counts[index]!;
      if (!exposed.has(boundMs)) continue;
      lines.push(line(`${name}_bucket`, { ...all, le: String(boundMs / unitMs) }, count));
    }
    lines.push(line(`${name}_bucket`, { ...all, le: '+Inf' }, durations.count));
    lines.push(line(`${name}_sum`, all, durations.sumMs / unitMs));
    lines.push(line(`${name}_count`, all, durations.count));
  }
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  const set = pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
  return `${name}${set} ${valueText(value)}`;
}

function valueText(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

/** Peers choose the names of topics and groups. */
function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
