import { describe, expect, it } from '@jest/globals';
import { figuresOf, judge, lineOf, verdictText } from '../../loadtest/figures.ts';
import type { LatencyFigures, LoadResult } from '../../loadtest/generator/load-result.ts';

const latency = (p99Ms: number): LatencyFigures => ({
  count: 10,
  meanMs: 1,
  p50Ms: 1.2345,
  p95Ms: 2,
  p99Ms,
  p999Ms: p99Ms,
  maxMs: p99Ms,
});

const result: LoadResult = {
  startedAtMs: 0,
  durationS: 10,
  arrived: 100,
  sent: 200,
  answered: 197,
  answeredPerS: 19.7,
  errors: { status_503: 2, timeout: 1 },
  warmUp: { answered: 5, errors: {} },
  latency: latency(12),
  percentiles: [],
  endpoints: { place: { perS: 10, errors: 3, latency: latency(30) } },
  seconds: [],
  counts: { accepted: 97 },
  marks: {},
  kept: {},
  generator: {
    processes: 1,
    cpuCores: 0.1,
    cpuMicrosPerRequest: 50,
    lag: latency(1),
    connectionsOpened: 1,
    waitedForConnection: 0,
  },
  problem: undefined,
};
const proof = { persisted: 97, oversold: 0, lost: 1, duplicated: 0 };
const figures = figuresOf({ result, proof, ratePerS: 10, persistedPerS: 9.006 });

describe('the figures of a run', () => {
  it('end in one line of the names that are promised, in their order', () => {
    expect(JSON.stringify(lineOf(figures))).toBe(
      '{"rate":10,"answered_per_s":19.7,"p50_ms":1.23,"p95_ms":2,"p99_ms":12,"errors":3,"accepted":97,' +
        '"persisted_per_s":9.01,"oversold":0,"lost":1,"duplicated":0}',
    );
    expect(lineOf(figures, { rss_growth_percent: 1.5 })).toMatchObject({ rss_growth_percent: 1.5 });
  });

  it('meet thresholds, of the whole and of an endpoint', () => {
    const verdicts = judge(figures, {
      p99_ms: '<= 12',
      'place.p99_ms': '< 30',
      answered_per_s: '>= 19.5',
      lost: '== 0',
      'place.errors': '> 2',
    });
    expect(verdicts.map(({ isMet }) => isMet)).toEqual([true, false, true, false, true]);
    expect(verdictText(verdicts[1]!)).toBe('place.p99_ms is 30, it must be < 30');
  });

  it('meet none on what was not measured', () => {
    const [verdict] = judge(figures, { 'pay.p99_ms': '<= 100' });
    expect(verdict).toMatchObject({ isMet: false });
    expect(verdictText(verdict!)).toBe('pay.p99_ms is not measured, it must be <= 100');
  });

  it.each(['50', '=< 50', '<= fifty', '<=50', ''])('are held against no %j', (threshold) => {
    expect(() => judge(figures, { p99_ms: threshold })).toThrow(
      `the threshold of p99_ms is ${JSON.stringify(threshold)}, it must be one of <=`,
    );
  });
});
