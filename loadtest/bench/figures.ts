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
  /** Of a flow alone: until the acknowledgement, where the others are until a consumer has the message. */
  readonly ack_p50_ms?: number;
  readonly ack_p99_ms?: number;
  /** CPU seconds of the broker's process for a million messages. */
  readonly broker_cpu_s_per_million: number;
  readonly broker_cores: number;
  readonly generator_cores: number;
  readonly rss_mb: number;
  /** Requests that the broker refused. */
  readonly refused: number;
}

/** The ratio, of those at the end, that a case counts towards. */
export type Headline = 'send' | 'sendSync' | 'batch' | 'consume' | 'p99';

/** A case of a measure, as each broker did in it. */
export interface CaseFigures {
  readonly measure: string;
  readonly name: string;
  readonly headline?: Headline | undefined;
  readonly brokers: Readonly<Partial<Record<BrokerName, LoadFigures>>>;
  /** For the report: not everything a plot needs is a figure. */
  readonly distributions: Readonly<Partial<Record<BrokerName, Latencies>>>;
}

/** Adds slices of one load up. */
export function figuresOfSlices(slices: readonly JobResult[]): LoadFigures {
  const latencies = latenciesOf(slices.map((slice) => slice.latencies));
  const acks = latenciesOf(slices.flatMap(({ ackLatencies }) => ackLatencies ?? []));
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
    ...(acks.count === 0
      ? {}
      : { ack_p50_ms: acks.percentileMs(50), ack_p99_ms: acks.percentileMs(99) }),
    broker_cpu_s_per_million: messages === 0 ? 0 : rounded((brokerCpuMs * 1_000) / messages),
    broker_cores: rounded(brokerCpuMs / elapsedMs),
    generator_cores: rounded(sum((slice) => slice.generatorCpuMs) / elapsedMs),
    rss_mb: rounded(Math.max(...slices.map((slice) => slice.brokerRssBytes)) / 1e6),
    refused: sum(({ refused }) =>
      Object.values(refused).reduce((total, count) => total + count, 0),
    ),
  };
}

export function latenciesOf(encoded: readonly string[]): Latencies {
  const all = new Latencies();
  for (const each of encoded) all.add(Latencies.decode(each));
  return all;
}

export function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
