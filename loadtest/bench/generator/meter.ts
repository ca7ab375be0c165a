import { Latencies } from '../../generator/latencies.ts';
import { readProcessUsage, type ProcessUsage } from '../../sampling/process-usage.ts';
import type { JobResult } from './messages.ts';

interface Moment {
  readonly atMs: number;
  readonly broker: ProcessUsage;
  readonly ownCpuMs: number;
}

/**
 * Counts what happens between two moments, and what it costs both sides.
 *
 * Units: ms of `performance.now()`.
 */
export class Meter {
  readonly #brokerPid: number;
  readonly #latencies = new Latencies();
  readonly #refused: Record<string, number> = {};
  #messages = 0;
  #start: Moment | undefined;
  #end: Moment | undefined;
  #untilMs = Number.POSITIVE_INFINITY;

  constructor(brokerPid: number) {
    this.#brokerPid = brokerPid;
  }

  /** `measureMs` is left out when what is measured ends by itself. */
  start(measureMs = Number.POSITIVE_INFINITY): void {
    this.#start = this.#moment();
    this.#untilMs = this.#start.atMs + measureMs;
  }

  stop(): void {
    this.#end = this.#moment();
    this.#untilMs = Math.min(this.#untilMs, this.#end.atMs);
  }

  /** When the measure is over: nothing from then on counts. */
  get untilMs(): number {
    return this.#untilMs;
  }

  isWithin(atMs: number): boolean {
    return this.#start !== undefined && atMs >= this.#start.atMs && atMs < this.#untilMs;
  }

  answered(messages: number, latencyMs: number): void {
    this.#messages += messages;
    this.#latencies.record(latencyMs);
  }

  refused(code: number): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1;
  }

  result(): JobResult {
    const [start, end] = [this.#start!, this.#end!];
    return {
      messages: this.#messages,
      elapsedMs: this.#untilMs - start.atMs,
      latencies: this.#latencies.encode(),
      brokerCpuMs: end.broker.cpuMs - start.broker.cpuMs,
      brokerRssBytes: end.broker.rssBytes,
      generatorCpuMs: end.ownCpuMs - start.ownCpuMs,
      refused: this.#refused,
    };
  }

  #moment(): Moment {
    const broker = readProcessUsage(this.#brokerPid);
    if (broker === undefined) {
      throw new Error('the broker is gone, or this is no Linux: its CPU time cannot be read');
    }
    const { user, system } = process.cpuUsage();
    return { atMs: performance.now(), broker, ownCpuMs: (user + system) / 1_000 };
  }
}
