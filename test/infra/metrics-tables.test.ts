import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { exposedIn, metricsOfServers, metricsOfServices } from './exposed-metrics.ts';

/** Of Prometheus's client libraries, and not in our tables one by one. */
const ofEveryProcess = /^(process|nodejs)_/;

/** The names in the first column of the tables of one chapter. */
function documented(page: string, chapter: string): Set<string> {
  const text = readFileSync(page, 'utf8').split(`\n## ${chapter}\n`)[1]!.split('\n## ')[0]!;
  const cells = text.split('\n').flatMap((line) => /^\| (`[^|]*) \|/.exec(line)?.[1] ?? []);
  return new Set(cells.flatMap((cell) => [...cell.matchAll(/`([a-z0-9_]+)`/g)].map(([, n]) => n!)));
}

const sorted = (names: Iterable<string>): string[] =>
  [...new Set(names)].filter((name) => !ofEveryProcess.test(name)).toSorted();

describe('the tables of metrics', () => {
  it('have in mq/README.md what a broker and a name server expose, and nothing else', async () => {
    const { broker, nameServer } = await metricsOfServers();
    const exposed = exposedIn(broker + nameServer).map(({ name }) => name);
    expect(sorted(documented('mq/README.md', 'Metrics and health'))).toEqual(sorted(exposed));
  });

  it('have in services/README.md what services expose, and nothing else', async () => {
    const { names } = await metricsOfServices();
    expect(sorted(documented('services/README.md', 'Metrics'))).toEqual(sorted(names));
  });
});

describe('the metrics of every process', () => {
  it('have one HELP and one TYPE each, base units and, if they count, _total', async () => {
    const { broker, nameServer } = await metricsOfServers();
    const { text: service } = await metricsOfServices();
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
