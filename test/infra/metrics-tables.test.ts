import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  exposedIn,
  exposedMetrics,
  type ExposedMetric,
  type ExposedMetrics,
} from './exposed-metrics.ts';

/** Of Prometheus's client libraries, and not in our tables one by one. */
const ofEveryProcess = /^(process|nodejs)_/;

interface Row {
  readonly names: readonly string[];
  readonly labels: readonly string[];
}

/** The first two columns of the tables of one chapter; a row may say `the same` of its labels as the one before. */
function documented(page: string, chapter: string): Row[] {
  const text = readFileSync(page, 'utf8').split(`\n## ${chapter}\n`)[1]!.split('\n## ')[0]!;
  const quoted = (cell: string): string[] =>
    [...cell.matchAll(/`([a-z0-9_]+)`/g)].map(([, word]) => word!);
  const rows: Row[] = [];
  for (const [, names, labels] of text.matchAll(/^\| (`[^|]*) \|([^|]*)\|/gm)) {
    const isSame = labels!.trim() === 'the same';
    rows.push({ names: quoted(names!), labels: isSame ? rows.at(-1)!.labels : quoted(labels!) });
  }
  return rows;
}

/** Metrics without the labels that all of their process have. */
function without(common: readonly string[], metrics: readonly ExposedMetric[]): ExposedMetric[] {
  return metrics.map((metric) => ({
    ...metric,
    labels: new Set([...metric.labels].filter((label) => !common.includes(label))),
  }));
}

function expectRows(rows: readonly Row[], exposed: readonly ExposedMetric[]): void {
  expect(sorted(rows.flatMap(({ names }) => names))).toEqual(
    sorted(exposed.map(({ name }) => name)),
  );
  for (const { names, labels } of rows) {
    const ofRow = exposed.filter(({ name }) => names.includes(name));
    const own = ofRow.flatMap((metric) => [...metric.labels]);
    expect([names, sorted(labels)]).toEqual([names, sorted(own)]);
  }
}

const sorted = (names: Iterable<string>): string[] =>
  [...new Set(names)].filter((name) => !ofEveryProcess.test(name)).toSorted();

let all: ExposedMetrics;

beforeAll(async () => {
  all = await exposedMetrics();
});

describe('the tables of metrics', () => {
  it('have in mq/README.md what a broker and a name server expose with which labels, and nothing else', () => {
    const { broker, nameServer } = all;
    const rows = documented('mq/README.md', 'Metrics and health');
    expectRows(rows, [
      ...without(['cluster', 'node_type', 'node_id'], exposedIn(broker)),
      ...without(['node_type'], exposedIn(nameServer)),
    ]);
  });

  it('have in services/README.md what services expose with which labels, and nothing else', () => {
    expectRows(documented('services/README.md', 'Metrics'), without(['service'], all.ofServices));
  });
});

describe('the metrics of every process', () => {
  it('have one HELP and one TYPE each, base units and, if they count, _total', () => {
    const { broker, nameServer, service } = all;
    for (const text of [broker, nameServer, service]) {
      const names = exposedIn(text).map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      const helps = [...text.matchAll(/^# HELP (\S+) \S/gm)].map(([, name]) => name);
      expect(helps).toEqual(names);
      for (const { name, type } of exposedIn(text)) {
        if (ofEveryProcess.test(name)) continue;
        expect([name, type === 'counter']).toEqual([name, name.endsWith('_total')]);
        // What has another unit has it in RocketMQ too.
        if (name.startsWith('rocketmq_')) continue;
        expect(name).not.toMatch(/_(ms|millis|milliseconds|minutes|kb|mb|percent)(_|$)/);
        if (/duration|_age_|_lag_p/.test(name)) expect(name).toMatch(/_seconds$/);
      }
    }
  });
});
