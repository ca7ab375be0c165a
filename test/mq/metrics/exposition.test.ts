import { describe, expect, it } from '@jest/globals';
import { DurationHistogram } from '../../../mq/duration-histogram.ts';
import { counter, exposition, gauge } from '../../../mq/metrics/exposition.ts';
import { RequestMetrics } from '../../../mq/metrics/request-metrics.ts';

describe('metrics in the text format of Prometheus', () => {
  it('escapes what a peer may have chosen, and adds the labels of the process', () => {
    const samples = [{ labels: { topic: 'a"b\\c\nd' }, value: 3 }];
    expect(exposition([counter('things_total', 'Things', samples)], { node_id: 'b' })).toBe(
      '# HELP things_total Things\n# TYPE things_total counter\n' +
        'things_total{node_id="b",topic="a\\"b\\\\c\\nd"} 3\n',
    );
    expect(exposition([gauge('level', 'A\nlevel', Infinity)])).toContain(
      '# HELP level A\\nlevel\n# TYPE level gauge\nlevel +Inf\n',
    );
  });

  it('adds up the buckets of a histogram, in its unit', () => {
    const durations = new DurationHistogram([1, 10, 100]);
    for (const ms of [0.5, 1, 5, 500]) durations.add(ms);
    const text = exposition([
      {
        type: 'histogram',
        name: 'took_seconds',
        help: 'Time',
        unitMs: 1000,
        boundsMs: [1, 100],
        histograms: [{ durations }],
      },
    ]);
    expect(text.split('\n').slice(2, -1)).toEqual([
      'took_seconds_bucket{le="0.001"} 2',
      'took_seconds_bucket{le="0.1"} 3',
      'took_seconds_bucket{le="+Inf"} 4',
      'took_seconds_sum 0.5065',
      'took_seconds_count 4',
    ]);
  });

  it('keeps request codes that mean nothing as one, however many a peer invents', () => {
    const requests = new RequestMetrics();
    for (let code = 50_000; code < 51_000; code++) requests.note(code, 3, 1);
    const lines = exposition(requests.metrics()).match(/^millrace.*_count.*$/gm);
    expect(lines).toEqual([
      expect.stringContaining(
        '{request_code="unknown",response_code="request_code_not_supported"}',
      ),
    ]);
  });
});
