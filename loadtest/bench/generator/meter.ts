import { setTimeout as delay } from 'node:timers/promises';
import { Latencies } from '../../generator/latencies.ts';
import { readProcessUsage, type ProcessUsage } from '../../sampling/process-usage.ts';
import type { JobResult, Window } from './messages.ts';

interface Moment {
  readonly atMs: number;
  readonly broker: ProcessUsage;
  readonly ownCpuMs: number;
}

/** Counts what is answered between the end of the warm-up and the end of the measure, and what it cost both sides. */
export class Meter {
  readonly #window: Window;
  readonly #latencies = new Latencies();
  readonly #refused: Record<string, number> = {};
  #messages = 0;
  #isMeasuring = false;

  constructor(window: Window) {
    this.#window = window;
  }

  answered(messages: number, latencyMs: number): void {
    if (!this.#isMeasuring) return;
    this.#messages += messages;
    this.#latencies.record(latencyMs);
  }

  refused(code: number): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1;
  }

  /** Waits for the window to pass while the load runs; `failed` ends it early. */
  async measure(failed: Promise<never>): Promise<JobResult> {
    await Promise.race([delay(this.#window.warmUpMs), failed]);
    const start = this.#moment();
    this.#isMeasuring = true;
    await Promise.race([delay(this.#window.measureMs), failed]);
    this.#isMeasuring = false;
    const end = this.#moment();
    return {
      messages: this.#messages,
      elapsedMs: end.atMs - start.atMs,
      latencies: this.#latencies.encode(),
      brokerCpuMs: end.broker.cpuMs - start.broker.cpuMs,
      brokerRssBytes: end.broker.rssBytes,
      generatorCpuMs: end.ownCpuMs - start.ownCpuMs,
      refused: this.#refused,
    };
  }

  #moment(): Moment {
    const broker = readProcessUsage(this.#window.brokerPid);
    if (broker === undefined) {
      throw new Error('the broker is gone, or this is no Linux: its CPU time cannot be read');
    }
    const { user, system } = process.cpuUsage();
    return { atMs: performance.now(), broker, ownCpuMs: (user + system) / 1_000 };
  }
}
