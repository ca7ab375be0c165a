import { describe, expect, test } from '@jest/globals';
import { Latencies } from '../../../loadtest/generator/latencies.ts';
import type { LoadResult, LoadSecond } from '../../../loadtest/generator/load-result.ts';
import {
  comparedChart,
  cpuChart,
  distributionChart,
  flowChart,
  latencyChart,
} from '../../../loadtest/report/charts.ts';
import { loadResult } from './load-result.ts';

function latency(ms: number): LoadSecond['latency'] {
  const latencies = new Latencies();
  if (ms > 0) latencies.record(ms);
  return latencies.figures();
}

function second(number: number, sent: number, answered: number, failed = 0): LoadSecond {
  return {
    second: number,
    arrived: sent,
    sent,
    answered,
    failed,
    inFlight: 0,
    latency: latency(answered > 0 ? 10 : 0),
  };
}

const linesOf = (chart: { lines: readonly { label: string; values: readonly unknown[] }[] }) =>
  Object.fromEntries(chart.lines.map(({ label, values }) => [label, values]));

describe('the charts of a run', () => {
  const result: LoadResult = {
    ...loadResult,
    seconds: [second(0, 100, 90), second(1, 100, 100), second(3, 0, 10)],
  };

  test('show the plateau beside the flood, for as long as the database writes', () => {
    const chart = flowChart(result, [
      { atS: 0, value: 1_000 },
      { atS: 6, value: 1_120 },
    ]);
    expect(chart.x).toEqual([0, 1, 2, 3, 4, 5]);
    expect(linesOf(chart)).toEqual({
      'came in': [100, 100, 0, 0, null, null],
      answered: [90, 100, 0, 10, null, null],
      persisted: [20, 20, 20, 20, 20, 20],
    });
  });

  test('show failures when there are any', () => {
    const failing = flowChart({ ...result, seconds: [second(0, 5, 3, 2)] }, undefined);
    expect(linesOf(failing)).toEqual({ 'came in': [5], answered: [3], failed: [2] });
  });

  test('leave out seconds without an answer: no answer is not a fast one', () => {
    const chart = latencyChart({ ...result, seconds: [second(0, 5, 0, 5), second(1, 5, 5)] });
    expect(chart.x).toEqual([1]);
  });

  test('hold several loads against each other, on one axis', () => {
    const results = { 'with queue': result, 'without queue': loadResult };
    expect(distributionChart(results).lines.map(({ label }) => label)).toEqual(
      Object.keys(results),
    );
    const compared = comparedChart(
      results,
      { title: 'Errors', unit: 'per second' },
      ({ failed }) => failed,
    );
    expect(linesOf(compared)).toEqual({
      'with queue': [0, 0, null, 0],
      'without queue': [null, null, null, null],
    });
  });

  test('draw the busiest five processes, and the others as one', () => {
    const cpu = (value: number) => ({ cpu: [{ atS: 0, value }], rssBytes: [] });
    const processes = Object.fromEntries(
      'abcdefgh'.split('').map((name, index) => [name, cpu(index + 1)]),
    );
    const chart = cpuChart({ processes, counts: {}, failures: {} });
    expect(linesOf(chart)).toEqual({
      h: [8],
      g: [7],
      f: [6],
      e: [5],
      d: [4],
      '3 others together': [6],
    });
  });
});
