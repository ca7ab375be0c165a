import type { CaseFigures, LoadFigures } from '../../../loadtest/bench/figures.ts';
import { Latencies } from '../../../loadtest/generator/latencies.ts';

export function loadFigures(figures: Partial<LoadFigures> = {}): LoadFigures {
  return {
    messages_per_s: 1_000,
    p50_ms: 1,
    p99_ms: 2,
    p999_ms: 3,
    max_ms: 4,
    broker_cpu_s_per_million: 10,
    broker_cores: 0.5,
    generator_cores: 0.1,
    rss_mb: 100,
    refused: 0,
    ...figures,
  };
}

export function caseFigures(figures: Partial<CaseFigures> = {}): CaseFigures {
  const latencies = new Latencies();
  latencies.record(1);
  return {
    measure: 'send',
    name: 'async 1KiB 256 in flight',
    brokers: { millrace: loadFigures(), rocketmq: loadFigures() },
    distributions: { millrace: latencies, rocketmq: latencies },
    ...figures,
  };
}
