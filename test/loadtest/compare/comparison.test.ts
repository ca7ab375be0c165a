import { describe, expect, it } from '@jest/globals';
import { figuresOfPair, sectionOfPair, timesBetter } from '../../../loadtest/compare/comparison.ts';
import type { LatencyFigures, LoadResult } from '../../../loadtest/generator/load-result.ts';

const latency = (ms: number, count = 100): LatencyFigures => ({
  count,
  meanMs: ms,
  p50Ms: ms / 2,
  p95Ms: ms * 0.9,
  p99Ms: ms,
  p999Ms: ms,
  maxMs: ms,
});

function resultOf(checkoutMs: number, answeredPerS: number, more: Partial<LoadResult>): LoadResult {
  return {
    startedAtMs: 0,
    durationS: 10,
    arrived: 100,
    sent: 200,
    answered: 200,
    answeredPerS,
    errors: {},
    warmUp: { answered: 0, errors: {} },
    latency: latency(1),
    percentiles: [],
    endpoints: {},
    seconds: [0, 1].map((second) => ({
      second,
      arrived: 10,
      sent: 10,
      answered: 10,
      failed: second,
      inFlight: 3,
      latency: latency(checkoutMs, second * 10),
    })),
    counts: {},
    marks: { checkout: latency(checkoutMs) },
    kept: {},
    generator: {
      processes: 1,
      cpuCores: 0,
      cpuMicrosPerRequest: 0,
      lag: latency(0),
      connectionsOpened: 1,
      waitedForConnection: 0,
    },
    problem: undefined,
    ...more,
  };
}

const pair = {
  name: 'Third parties at 200 ms',
  withQueue: resultOf(16, 40, {}),
  withoutQueue: resultOf(800, 18, { errors: { timeout: 3, status_502: 2 } }),
};

describe('the comparison of a checkout with the queue and without it', () => {
  it('is by whole checkouts: one is two requests with the queue, and one without', () => {
    expect(figuresOfPair(pair)).toEqual({
      with_queue: { p50_ms: 8, p95_ms: 14.4, p99_ms: 16, errors: 0, per_s: 20 },
      without_queue: { p50_ms: 400, p95_ms: 720, p99_ms: 800, errors: 5, per_s: 18 },
    });
    expect(timesBetter(pair)).toBe(50);
  });

  it('claims nothing when nobody was served', () => {
    expect(timesBetter({ ...pair, withQueue: resultOf(0, 0, { marks: {} }) })).toBe(0);
  });

  it('shows both side by side, with a gap where nothing was answered', () => {
    const { tables, charts } = sectionOfPair(pair);
    expect(tables?.[0]?.rows).toContainEqual(['p99, ms', 16, 800]);
    expect(charts?.map(({ title }) => title)).toEqual([
      'Latency of a request, p99',
      'Failed',
      'Under way',
    ]);
    expect(charts?.[0]?.lines.map(({ values }) => values)).toEqual([
      [null, 16],
      [null, 800],
    ]);
  });
});
