import { Latencies } from '../generator/latencies.ts';
import type { BrokerName } from './broker-under-test.ts';
import type { JobResult } from './generator/messages.ts';

/** What is said of one broker in one case. */
export interface LoadFigures {
  readonly messages_per_s: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly p999_ms: number;
  readonly max_ms: number;
  /** CPU seconds of the broker's process for a million messages. */
  readonly broker_cpu_s_per_million: number;
  readonly broker_cores: number;
  readonly generator_cores: number;
  readonly rss_mb: number;
  readonly refused: number;
}

/** A case of a measure, as each broker did in it. */
export interface CaseFigures {
  readonly name: string;
  readonly brokers: Readonly<Partial<Record<BrokerName, LoadFigures>>>;
}

/** Adds slices of one load up. */
export function figuresOfSlices(slices: readonly JobResult[]): LoadFigures {
  const latencies = new Latencies();
  for (const slice of slices) latencies.add(Latencies.decode(slice.latencies));
  const sum = (of: (slice: JobResult) => number): number =>
    slices.reduce((total, slice) => total + of(slice), 0);
  const messages = sum((slice) => slice.messages);
  const elapsedMs = sum((slice) => slice.elapsedMs);
  const brokerCpuMs = sum((slice) => slice.brokerCpuMs);
  return {
    messages_per_s: Math.round((messages * 1_000) / elapsedMs),
    p50_ms: latencies.percentileMs(50),
    p99_ms: latencies.percentileMs(99),
    p999_ms: latencies.percentileMs(99.9),
    max_ms: latencies.percentileMs(100),
    broker_cpu_s_per_million: messages === 0 ? 0 : toTenth((brokerCpuMs * 1_000) / messages),
    broker_cores: toHundredth(brokerCpuMs / elapsedMs),
    generator_cores: toHundredth(sum((slice) => slice.generatorCpuMs) / elapsedMs),
    rss_mb: toTenth(Math.max(...slices.map((slice) => slice.brokerRssBytes)) / 1e6),
    refused: sum((slice) =>
      Object.values(slice.refused).reduce((total, count) => total + count, 0),
    ),
  };
}

export function toTenth(value: number): number {
  return Math.round(value * 10) / 10;
}

export function toHundredth(value: number): number {
  return Math.round(value * 100) / 100;
}
