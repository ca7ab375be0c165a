import { describe, expect, test } from '@jest/globals';
import type { Verdict } from '../../../loadtest/figures.ts';
import { pageOfRun, type RunRecord } from '../../../loadtest/report/run-page.ts';
import { renderPage } from '../../../loadtest/report/render-page.ts';
import { loadResult } from './load-result.ts';

const met: Verdict = { name: 'p99_ms', threshold: '<= 50', value: 12, isMet: true };
const missed: Verdict = { name: 'place.p99_ms', threshold: '<= 20', value: 31, isMet: false };

function run(verdicts: readonly Verdict[], isAuditGood = true): RunRecord {
  return {
    scenario: 'flash-sale',
    about: 'everybody at once',
    result: loadResult,
    figures: { rate: 10, p99_ms: 12, 'place.p99_ms': 31 },
    verdicts,
    samples: {
      processes: {
        gate: {
          cpu: [{ atS: 1, value: 0.5 }],
          rssBytes: [
            { atS: 0, value: 60e6 },
            { atS: 1, value: 80e6 },
          ],
        },
      },
      counts: { persisted: [], 'flashsale-place-orders': [{ atS: 0, value: 3 }] },
      failures: {},
    },
    provenance: {
      command: 'npm run loadtest -- flash-sale',
      date: new Date('2026-11-30T11:45:00.123Z'),
      commit: 'abc',
      machine: 'two cores',
      node: 'v20',
    },
    facts: [['gates', '2']],
    audit: { text: 'nothing lost', isGood: isAuditGood },
  };
}

describe('the page of a run', () => {
  test('is good only if thresholds and audit are', () => {
    expect(pageOfRun(run([met])).verdict).toEqual({
      text: 'all thresholds are met; audit: nothing lost',
      isGood: true,
    });
    expect(pageOfRun(run([met, missed])).verdict).toEqual({
      text: 'missed: place.p99_ms <= 20; audit: nothing lost',
      isGood: false,
    });
    expect(pageOfRun(run([met], false)).verdict.isGood).toBe(false);
  });

  test('says how it came about, and has every figure with what was wanted of it', () => {
    const page = pageOfRun(run([met, missed]));
    expect(Object.fromEntries(page.facts)).toEqual({
      command: 'npm run loadtest -- flash-sale',
      date: '2026-11-30T11:45:00Z',
      commit: 'abc',
      machine: 'two cores',
      Node: 'v20',
      gates: '2',
    });
    const figures = page.sections.find(({ heading }) => heading === 'Figures')!.tables![0]!;
    expect(figures.rows).toEqual([
      ['rate', 10, '', ''],
      ['p99_ms', 12, '<= 50', { text: 'met', isGood: true }],
      ['place.p99_ms', 31, '<= 20', { text: 'missed', isGood: false }],
    ]);
  });

  test('has the flow, latencies, backlog, CPU and memory as charts, and can be written', () => {
    const page = pageOfRun(run([met]));
    expect(page.sections.flatMap(({ charts = [] }) => charts.map(({ title }) => title))).toEqual([
      'Came in, answered, persisted',
      'Latency, second by second',
      'Latency by percentile',
      'Waiting in the broker',
      'CPU',
      'Memory',
    ]);
    expect(renderPage(page)).toContain('<td>gate</td>');
  });
});
