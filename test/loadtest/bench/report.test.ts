import { describe, expect, test } from '@jest/globals';
import { pageOfBench, type BenchRecord } from '../../../loadtest/bench/report.ts';
import { renderPage } from '../../../loadtest/report/render-page.ts';
import { tableOf } from '../../../loadtest/bench/text.ts';
import { caseFigures, loadFigures } from './made-up-figures.ts';

const record: BenchRecord = {
  provenance: {
    command: 'npm run bench',
    date: new Date(Date.UTC(2026, 10, 30)),
    commit: 'abc',
    machine: 'one core',
    node: 'v20',
  },
  cases: [
    caseFigures({
      brokers: {
        millrace: loadFigures({ messages_per_s: 3_000 }),
        rocketmq: loadFigures({ messages_per_s: 2_000 }),
      },
    }),
    caseFigures({ measure: 'latency', name: 'async 10k/s', headline: 'p99' }),
  ],
  numbers: { start: { first_ack_ms: 123 } },
  ratios: { send: 1.5, p99: 0.9 },
};

describe('the report of the benchmark', () => {
  const page = pageOfBench(record);

  test('says first where the other broker is better', () => {
    expect(page.verdict).toEqual({ text: 'behind RocketMQ in p99', isGood: false });
    expect(pageOfBench({ ...record, ratios: { send: 1 } }).verdict.isGood).toBe(true);
    expect(pageOfBench({ ...record, ratios: {} }).verdict).toEqual({
      text: '2 cases measured, held against nothing',
      isGood: true,
    });
  });

  test('has a section for each measure, with bars and a table', () => {
    expect(page.sections.map(({ heading }) => heading)).toEqual([
      'Ratios',
      'send',
      'latency',
      'start',
    ]);
    const [rates] = page.sections[1]!.charts!;
    expect(rates).toMatchObject({
      kind: 'bars',
      labels: ['async 1KiB 256 in flight'],
      lines: [
        { label: 'Millrace', values: [3_000] },
        { label: 'RocketMQ', values: [2_000] },
      ],
    });
    expect(page.sections[1]!.tables![0]!.rows).toHaveLength(2);
    expect(page.sections[2]!.charts!.map(({ kind }) => kind)).toEqual([
      'bars',
      'bars',
      'percentile',
    ]);
    expect(page.sections[3]!.tables![0]!.rows).toEqual([['first_ack_ms', 123]]);
  });

  test('leaves out the broker that was not measured', () => {
    const alone = caseFigures({ brokers: { millrace: loadFigures() }, distributions: {} });
    const [section] = pageOfBench({ ...record, cases: [alone], ratios: {} }).sections;
    expect(section!.charts![0]!.lines.map(({ label }) => label)).toEqual(['Millrace']);
    expect(section!.tables![0]!.rows).toHaveLength(1);
  });

  test('is one file', () => {
    const html = renderPage(page);
    expect(html).toContain('behind RocketMQ in p99');
    expect(html).toContain('async 1KiB 256 in flight');
  });
});

test('the table in the terminal has a line for each case, and a dash for what was not measured', () => {
  const alone = caseFigures({ measure: 'batch', brokers: { millrace: loadFigures() } });
  const [head, first, second] = tableOf([record.cases[0]!, alone]).split('\n');
  expect(head).toMatch(/Millrace\/s +RocketMQ\/s +ratio/);
  expect(first).toMatch(/^send async 1KiB 256 in flight +3,000 +2,000 +1\.5 /);
  expect(second).toMatch(/^batch async 1KiB 256 in flight +1,000 +– +– /);
});
