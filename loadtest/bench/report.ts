import type { Cell, Chart, Page, Section, Table } from '../report/page.ts';
import { factsOf, type Provenance } from '../report/provenance.ts';
import type { BrokerName } from './broker-under-test.ts';
import type { CaseFigures, LoadFigures } from './figures.ts';
import { ratioOf, type Ratios } from './ratios.ts';

export interface BenchRecord {
  readonly provenance: Provenance;
  readonly cases: readonly CaseFigures[];
  readonly numbers: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly ratios: Ratios;
}

const names: readonly { broker: BrokerName; label: string; colour: number }[] = [
  { broker: 'millrace', label: 'Millrace', colour: 0 },
  { broker: 'rocketmq', label: 'RocketMQ', colour: 1 },
];

export function pageOfBench({ provenance, cases, numbers, ratios }: BenchRecord): Page {
  const ratioRows = Object.entries(ratios);
  const behind = ratioRows.filter(([, ratio]) => ratio < 1).map(([name]) => name);
  const found =
    ratioRows.length === 0
      ? `${cases.length} cases measured, held against nothing`
      : behind.length === 0
        ? 'at least as good as RocketMQ in every ratio'
        : `behind RocketMQ in ${behind.join(', ')}`;
  return {
    title: 'Benchmark of the broker',
    verdict: { text: found, isGood: behind.length === 0 },
    facts: factsOf(provenance),
    sections: [
      ...(ratioRows.length === 0 ? [] : [ratioSection(ratios)]),
      ...[...new Set(cases.map(({ measure }) => measure))].map((measure) =>
        sectionOf(
          measure,
          cases.filter((each) => each.measure === measure),
        ),
      ),
      ...Object.entries(numbers).map(([measure, figures]) => ({
        heading: measure,
        tables: [{ head: ['figure', 'value'], rows: Object.entries(figures) }],
      })),
    ],
  };
}

function ratioSection(ratios: Ratios): Section {
  return {
    heading: 'Ratios',
    text:
      'Ours to theirs for rates, theirs to ours for latencies and CPU time: above 1 is better in each. Of several cases ' +
      'the lowest counts.',
    tables: [
      {
        head: ['', 'ratio'],
        rows: Object.entries(ratios).map(([name, ratio]): Cell[] => [
          name,
          { text: ratio.toFixed(2), isGood: ratio >= 1 },
        ]),
      },
    ],
  };
}

function sectionOf(measure: string, cases: readonly CaseFigures[]): Section {
  const bars = (
    title: string,
    unit: string,
    note: string,
    of: (figures: LoadFigures) => number,
  ): Chart => ({
    title,
    unit,
    note,
    kind: 'bars',
    x: cases.map((_, index) => index),
    labels: cases.map(({ name }) => name),
    lines: names
      .filter(({ broker }) => cases.some(({ brokers }) => brokers[broker] !== undefined))
      .map(({ broker, label, colour }) => ({
        label,
        colour,
        values: cases.map(({ brokers }) => (brokers[broker] ? of(brokers[broker]) : null)),
      })),
  });
  return {
    heading: measure,
    charts: [
      bars('Messages a second', 'messages/s', 'More is better.', (each) => each.messages_per_s),
      bars(
        'CPU of the broker',
        'CPU s',
        'For a million messages; less is better.',
        (each) => each.broker_cpu_s_per_million,
      ),
      ...(measure === 'latency' ? cases.map(distributionOf) : []),
    ],
    tables: [tableOf(cases)],
  };
}

function distributionOf({ name, distributions }: CaseFigures): Chart {
  const shown = names.flatMap(({ broker, label, colour }) => {
    const latencies = distributions[broker];
    return latencies === undefined ? [] : [{ label, colour, percentiles: latencies.percentiles() }];
  });
  return {
    title: `Latency by percentile, ${name}`,
    note: 'How many are at least this fast; each nine has the same room.',
    kind: 'percentile',
    unit: 'ms',
    isLogarithmic: true,
    x: shown[0]?.percentiles.map(({ percentile }) => percentile) ?? [],
    lines: shown.map(({ label, colour, percentiles }) => ({
      label,
      colour,
      values: percentiles.map(({ ms }) => (ms > 0 ? ms : null)),
    })),
  };
}

function tableOf(cases: readonly CaseFigures[]): Table {
  return {
    head: [
      'case',
      'broker',
      'a second',
      'p50 ms',
      'p99 ms',
      'p99.9 ms',
      'slowest ms',
      'CPU s per million',
      'broker cores',
      'generator cores',
      'RSS MB',
      'refused',
      'ratio',
    ],
    rows: cases.flatMap((each) =>
      names.flatMap(({ broker, label }): Cell[][] => {
        const figures = each.brokers[broker];
        if (figures === undefined) return [];
        const ratio = broker === 'millrace' ? ratioOf(each) : undefined;
        return [
          [
            each.name,
            label,
            figures.messages_per_s,
            figures.p50_ms,
            figures.p99_ms,
            figures.p999_ms,
            figures.max_ms,
            figures.broker_cpu_s_per_million,
            figures.broker_cores,
            figures.generator_cores,
            figures.rss_mb,
            figures.refused,
            ratio === undefined
              ? ''
              : {
                  text: `rate ${ratio.rate}, p99 ${ratio.p99}, CPU ${ratio.cpu}`,
                  isGood: ratio.rate >= 1,
                },
          ],
        ];
      }),
    ),
  };
}
