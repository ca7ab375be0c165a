import type { LoadResult } from '../generator/load-result.ts';
import { growthPerSecond, valuePerSecond, type Point } from '../sampling/points.ts';
import type { ProcessSamples, Samples } from '../sampling/sampler.ts';
import type { Chart, Line } from './page.ts';

/** More lines than this nobody can tell apart. */
const maxLines = 6;
const bytesPerMb = 1e6;

/** What came in, what was answered, and what the database wrote: how the flood is shaved into a plateau. */
export function flowChart(result: LoadResult, persisted: readonly Point[] | undefined): Chart {
  const { seconds } = result;
  const last = seconds.at(-1)?.second ?? 0;
  const written = growthPerSecond(persisted ?? []);
  const count = Math.max(last + 1, written.length);
  const perSecond = (of: (second: LoadResult['seconds'][number]) => number): (number | null)[] => {
    const values = new Map(seconds.map((second) => [second.second, of(second)]));
    return Array.from(
      { length: count },
      (_, second) => values.get(second) ?? (second > last ? null : 0),
    );
  };
  const failed = perSecond((second) => second.failed);
  const lines: Line[] = [
    { label: 'came in', values: perSecond((second) => second.sent), look: 'wanted', colour: 7 },
    { label: 'answered', values: perSecond((second) => second.answered), colour: 0 },
  ];
  if (persisted !== undefined && persisted.length > 0) {
    const values = Array.from({ length: count }, (_, second) => written[second] ?? null);
    lines.push({ label: 'persisted', values, look: 'area', colour: 2 });
  }
  if (failed.some((value) => (value ?? 0) > 0)) {
    lines.push({ label: 'failed', values: failed, colour: 'bad' });
  }
  return {
    title: 'Came in, answered, persisted',
    note: 'Answers should keep up with what comes in; the database may take its own time.',
    kind: 'time',
    unit: 'per second',
    x: secondsUpTo(count),
    lines,
  };
}

export function latencyChart({ seconds }: LoadResult): Chart {
  const answered = seconds.filter(({ latency }) => latency.count > 0);
  return {
    title: 'Latency, second by second',
    note: 'From when a visitor was due to the last byte of the answer.',
    kind: 'time',
    unit: 'ms',
    x: answered.map(({ second }) => second),
    isLogarithmic: true,
    lines: [
      { label: 'p50', values: answered.map(({ latency }) => latency.p50Ms), colour: 0 },
      { label: 'p95', values: answered.map(({ latency }) => latency.p95Ms), colour: 4 },
      { label: 'p99', values: answered.map(({ latency }) => latency.p99Ms), colour: 1 },
      {
        label: 'slowest',
        values: answered.map(({ latency }) => latency.maxMs),
        look: 'wanted',
        colour: 7,
      },
    ],
  };
}

/** Of one load, or of several that are to be held against each other. */
export function distributionChart(results: Readonly<Record<string, LoadResult>>): Chart {
  const [first] = Object.values(results);
  return {
    title: 'Latency by percentile',
    note: 'How many are at least this fast; each nine has the same room.',
    kind: 'percentile',
    unit: 'ms',
    isLogarithmic: true,
    x: first?.percentiles.map(({ percentile }) => percentile) ?? [],
    lines: Object.entries(results).map(([label, { percentiles }]) => ({
      label,
      values: percentiles.map(({ ms }) => (ms > 0 ? ms : null)),
    })),
  };
}

/** One line a load, of whatever can be read off its seconds. */
export function comparedChart(
  results: Readonly<Record<string, LoadResult>>,
  chart: Pick<Chart, 'title' | 'unit' | 'note' | 'isLogarithmic'>,
  valueOf: (second: LoadResult['seconds'][number]) => number | null,
): Chart {
  const count = Math.max(
    0,
    ...Object.values(results).map(({ seconds }) => (seconds.at(-1)?.second ?? -1) + 1),
  );
  return {
    ...chart,
    kind: 'time',
    x: secondsUpTo(count),
    lines: Object.entries(results).map(([label, { seconds }]) => {
      const values = new Map(seconds.map((second) => [second.second, valueOf(second)]));
      return { label, values: secondsUpTo(count).map((second) => values.get(second) ?? null) };
    }),
  };
}

export function backlogChart(backlogs: Readonly<Record<string, readonly Point[]>>): Chart {
  return timeChart(backlogs, {
    title: 'Waiting in the broker',
    note: 'Messages of a topic that a group has not finished yet.',
    unit: 'messages',
  });
}

export function cpuChart({ processes }: Samples): Chart {
  return timeChart(
    pointsOf(processes, ({ cpu }) => cpu),
    { title: 'CPU', note: '1 is the whole of one core.', unit: 'cores' },
  );
}

export function memoryChart({ processes }: Samples): Chart {
  const inMb = pointsOf(processes, ({ rssBytes }) =>
    rssBytes.map(({ atS, value }) => ({ atS, value: value / bytesPerMb })),
  );
  return timeChart(inMb, { title: 'Memory', note: 'Resident set of each process.', unit: 'MB' });
}

function pointsOf(
  processes: Readonly<Record<string, ProcessSamples>>,
  of: (samples: ProcessSamples) => readonly Point[],
): Record<string, readonly Point[]> {
  return Object.fromEntries(
    Object.entries(processes).map(([name, samples]) => [name, of(samples)]),
  );
}

/** The largest each with a line of its own, what is left as one sum. */
function timeChart(
  points: Readonly<Record<string, readonly Point[]>>,
  chart: Pick<Chart, 'title' | 'note' | 'unit'>,
): Chart {
  const all = Object.entries(points)
    .map(([label, some]) => ({ label, values: valuePerSecond(some), mean: meanOf(some) }))
    .filter(({ values }) => values.length > 0)
    .sort((a, b) => b.mean - a.mean);
  const hasRest = all.length > maxLines;
  const shown = hasRest ? all.slice(0, maxLines - 1) : all;
  const rest = all.slice(shown.length);
  const count = Math.max(0, ...all.map(({ values }) => values.length));
  const x = secondsUpTo(count);
  const lines: Line[] = shown.map(({ label, values }) => ({
    label,
    values: x.map((second) => values[second] ?? null),
  }));
  if (hasRest) {
    const sums = x.map((second) =>
      rest.reduce((sum, { values }) => sum + (values[second] ?? 0), 0),
    );
    lines.push({
      label: `${rest.length} others together`,
      values: sums,
      look: 'wanted',
      colour: 7,
    });
  }
  return { ...chart, kind: 'time', x, lines };
}

function meanOf(points: readonly Point[]): number {
  return points.reduce((sum, { value }) => sum + value, 0) / Math.max(1, points.length);
}

function secondsUpTo(count: number): number[] {
  return Array.from({ length: count }, (_, second) => second);
}
