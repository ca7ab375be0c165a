import { describe, expect, test } from '@jest/globals';
import { figuresOfSlices } from '../../../loadtest/bench/figures.ts';
import type { JobResult } from '../../../loadtest/bench/generator/messages.ts';
import { Latencies } from '../../../loadtest/generator/latencies.ts';

function latencies(...ms: number[]): string {
  const all = new Latencies();
  for (const each of ms) all.record(each);
  return all.encode();
}

const slice: JobResult = {
  messages: 1_000,
  elapsedMs: 500,
  latencies: latencies(1, 2),
  brokerCpuMs: 400,
  brokerRssBytes: 100e6,
  generatorCpuMs: 50,
  refused: {},
};

describe('the figures of a load', () => {
  test('are those of its slices together, not the mean of their rates', () => {
    const other: JobResult = {
      ...slice,
      messages: 3_000,
      elapsedMs: 1_500,
      latencies: latencies(3, 4),
      brokerCpuMs: 1_200,
      brokerRssBytes: 250e6,
      generatorCpuMs: 150,
      refused: { 2: 5, 14: 1 },
    };
    expect(figuresOfSlices([slice, other])).toEqual({
      messages_per_s: 2_000,
      p50_ms: expect.closeTo(2, 2),
      p99_ms: expect.closeTo(4, 2),
      p999_ms: expect.closeTo(4, 2),
      max_ms: expect.closeTo(4, 2),
      // 1.6 s for 4,000 messages.
      broker_cpu_s_per_million: 400,
      broker_cores: 0.8,
      generator_cores: 0.1,
      rss_mb: 250,
      refused: 6,
    });
  });

  test('of a flow tell of acknowledgements, too', () => {
    const flow = { ...slice, ackLatencies: latencies(0.5, 0.7) };
    expect(figuresOfSlices([flow])).toMatchObject({
      ack_p50_ms: expect.closeTo(0.5, 2),
      ack_p99_ms: expect.closeTo(0.7, 2),
    });
  });

  test('of a load that nothing came of have no cost', () => {
    const none = { ...slice, messages: 0, latencies: latencies() };
    expect(figuresOfSlices([none])).toMatchObject({
      messages_per_s: 0,
      p99_ms: 0,
      broker_cpu_s_per_million: 0,
    });
  });
});
