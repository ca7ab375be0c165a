import type { Figures, Verdict } from '../figures.ts';
import type { LoadResult } from '../generator/load-result.ts';
import type { Samples } from '../sampling/sampler.ts';
import {
  backlogChart,
  cpuChart,
  distributionChart,
  flowChart,
  latencyChart,
  memoryChart,
} from './charts.ts';
import type { Cell, Page, Section, Table } from './page.ts';
import { factsOf, type Provenance } from './provenance.ts';

/** One run of a scenario, to be reported. */
export interface RunRecord {
  readonly scenario: string;
  readonly about: string;
  readonly result: LoadResult;
  readonly figures: Figures;
  readonly verdicts: readonly Verdict[];
  /** The count `persisted` is the plateau; all others are backlogs. */
  readonly samples: Samples;
  readonly provenance: Provenance;
  /** Beside those of the provenance: rate, databases, how many gates. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly audit: { readonly text: string; readonly isGood: boolean };
}

export function pageOfRun(run: RunRecord): Page {
  const { scenario, about, verdicts, provenance, facts, audit } = run;
  const missed = verdicts.filter(({ isMet }) => !isMet);
  const isGood = missed.length === 0 && audit.isGood;
  const thresholds =
    missed.length === 0
      ? 'all thresholds are met'
      : `missed: ${missed.map(({ name, threshold }) => `${name} ${threshold}`).join(', ')}`;
  return {
    title: `${scenario}: ${about}`,
    verdict: { text: `${thresholds}; audit: ${audit.text}`, isGood },
    facts: [...factsOf(provenance), ...facts],
    sections: sectionsOfRun(run),
  };
}

/** Its figures and charts, also as a part of a page that holds several runs against each other. */
export function sectionsOfRun({ result, figures, verdicts, samples }: RunRecord): Section[] {
  const { persisted, ...backlogs } = samples.counts;
  const hasProcesses = Object.values(samples.processes).some(({ cpu }) => cpu.length > 0);
  return [
    {
      heading: 'The load',
      charts: [
        flowChart(result, persisted),
        latencyChart(result),
        distributionChart({ all: result }),
      ],
    },
    {
      heading: 'Figures',
      tables: [figureTable(figures, verdicts), endpointTable(result), errorTable(result)].filter(
        ({ rows }) => rows.length > 0,
      ),
    },
    {
      heading: 'The system meanwhile',
      ...(hasProcesses ? {} : { text: 'Processes were not measured: this system has no /proc.' }),
      charts: [
        ...(Object.keys(backlogs).length > 0 ? [backlogChart(backlogs)] : []),
        ...(hasProcesses ? [cpuChart(samples), memoryChart(samples)] : []),
      ],
      tables: hasProcesses ? [processTable(samples)] : [],
    },
    generatorSection(result),
  ];
}

/** What the generator cost and how punctual it was: a slow client must not pass for a slow system. */
function generatorSection({ generator, warmUp }: LoadResult): Section {
  const { processes, cpuCores, cpuMicrosPerRequest, lag } = generator;
  const warmUpErrors = Object.entries(warmUp.errors).map(([kind, count]) => `${count} ${kind}`);
  const rows: Cell[][] = [
    ['processes', processes, ''],
    ['CPU', cpuCores, 'cores'],
    ['CPU a request', cpuMicrosPerRequest, 'µs'],
    ['visitors came late, median', lag.p50Ms, 'ms'],
    ['visitors came late, p99', lag.p99Ms, 'ms'],
    ['visitors came late, worst', lag.maxMs, 'ms'],
    ['connections opened', generator.connectionsOpened, ''],
    ['requests that waited for a connection', generator.waitedForConnection, ''],
    ['answered in the warm-up, which is not measured', warmUp.answered, ''],
    ['errors in the warm-up', warmUpErrors.length === 0 ? 'none' : warmUpErrors.join(', '), ''],
  ];
  return {
    heading: 'The generator',
    text:
      'Visitors come when they are due, whether or not those before are answered. Latency counts from then, so ' +
      'that it contains what the generator itself was late.',
    tables: [{ head: ['', '', ''], rows }],
  };
}

function figureTable(figures: Figures, verdicts: readonly Verdict[]): Table {
  const verdictOf = new Map(verdicts.map((verdict) => [verdict.name, verdict]));
  // Those of endpoints have a table of their own; a threshold on one belongs here.
  const names = new Set([
    ...Object.keys(figures).filter((name) => !name.includes('.')),
    ...verdictOf.keys(),
  ]);
  return {
    head: ['figure', 'value', 'wanted', ''],
    rows: [...names].map((name): Cell[] => {
      const verdict = verdictOf.get(name);
      const value = figures[name] ?? 'not measured';
      if (verdict === undefined) return [name, value, '', ''];
      const { threshold, isMet } = verdict;
      return [name, value, threshold, { text: isMet ? 'met' : 'missed', isGood: isMet }];
    }),
  };
}

function endpointTable({ endpoints }: LoadResult): Table {
  return {
    head: [
      'interface',
      'a second',
      'answered',
      'failed',
      'p50 ms',
      'p95 ms',
      'p99 ms',
      'slowest ms',
    ],
    rows: Object.entries(endpoints).map(([name, { perS, errors, latency }]) => [
      name,
      perS,
      latency.count,
      errors,
      latency.p50Ms,
      latency.p95Ms,
      latency.p99Ms,
      latency.maxMs,
    ]),
  };
}

function errorTable({ errors }: LoadResult): Table {
  return {
    head: ['errors by kind', 'count'],
    rows: Object.entries(errors).sort(([, a], [, b]) => b - a),
  };
}

function processTable({ processes }: Samples): Table {
  const mb = (bytes: number): number => Math.round(bytes / 1e5) / 10;
  return {
    head: ['process', 'CPU mean, cores', 'CPU highest', 'memory first, MB', 'last', 'highest'],
    rows: Object.entries(processes)
      .filter(([, { rssBytes }]) => rssBytes.length > 0)
      .map(([name, { cpu, rssBytes }]): Cell[] => {
        const cores = cpu.map(({ value }) => value);
        const bytes = rssBytes.map(({ value }) => value);
        return [
          name,
          cores.reduce((sum, value) => sum + value, 0) / Math.max(1, cores.length),
          Math.max(0, ...cores),
          mb(bytes[0]!),
          mb(bytes.at(-1)!),
          mb(Math.max(...bytes)),
        ];
      })
      .sort((a, b) => Number(b[1]) - Number(a[1])),
  };
}
