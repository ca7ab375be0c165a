import type { Point } from './points.ts';
import { readProcessUsage, type ProcessUsage } from './process-usage.ts';

export interface SamplerClock {
  /** Wall clock, ms since epoch. */
  now(): number;
  monotonicMs(): number;
  setTimeout(callback: () => void, delayMs: number): { unref(): unknown };
  clearTimeout(handle: { unref(): unknown } | undefined): void;
}

export interface SamplerOptions {
  /** Process ids by the names they have in the report. */
  readonly processes: Readonly<Record<string, number>>;
  /** Counts by name: rows that were written, messages that wait. Each is asked on its own, never twice at a time. */
  readonly counts: Readonly<Record<string, () => Promise<number>>>;
  readonly clock?: SamplerClock;
  readonly readUsage?: (pid: number) => ProcessUsage | undefined;
}

export interface ProcessSamples {
  /** Cores used since the point before: 1 is all of one. */
  readonly cpu: readonly Point[];
  readonly rssBytes: readonly Point[];
}

export interface Samples {
  readonly processes: Readonly<Record<string, ProcessSamples>>;
  readonly counts: Readonly<Record<string, readonly Point[]>>;
  /** By name: how often a count was not to be had, and why the last time. */
  readonly failures: Readonly<Record<string, { readonly count: number; readonly last: string }>>;
}

const usageEveryMs = 1_000;
const countEveryMs = 250;
/** Of the time a count may take: what is asked must not become what is measured. */
const maxCountShare = 0.05;

const systemClock: SamplerClock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout | undefined),
};

/** Looks at processes once a second, and at counts as often as they are cheap, until it is stopped. */
export class Sampler {
  readonly #options: SamplerOptions;
  readonly #clock: SamplerClock;
  readonly #timers = new Map<string, { unref(): unknown }>();
  readonly #usages: { atMs: number; pid: number; name: string; usage: ProcessUsage }[] = [];
  readonly #counts: { atMs: number; name: string; value: number }[] = [];
  readonly #failures = new Map<string, { count: number; last: string }>();
  readonly #asking = new Map<string, Promise<void>>();
  readonly #processes: Map<string, number>;
  #isStopped = false;

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#processes = new Map(Object.entries(options.processes));
    this.#lookAtProcesses();
    for (const [name, ask] of Object.entries(options.counts)) this.#askFor(name, ask);
  }

  /** Looks at this one, too, from now on; a process started again under its old name goes on in its line. */
  add(name: string, pid: number): void {
    this.#processes.set(name, pid);
  }

  /** Units: `startedAtMs` since epoch, when the load began: points are told in seconds since then. */
  async stop(startedAtMs: number): Promise<Samples> {
    this.#isStopped = true;
    for (const timer of this.#timers.values()) this.#clock.clearTimeout(timer);
    await Promise.all(this.#asking.values());
    const offsetMs = startedAtMs - (this.#clock.now() - this.#clock.monotonicMs());
    const counts: Record<string, Point[]> = Object.fromEntries(
      Object.keys(this.#options.counts).map((name) => [name, []]),
    );
    for (const { atMs, name, value } of this.#counts) {
      counts[name]!.push({ atS: (atMs - offsetMs) / 1_000, value });
    }
    return {
      processes: Object.fromEntries(
        [...this.#processes.keys()].map((name) => [name, this.#samplesOf(name, offsetMs)]),
      ),
      counts,
      failures: Object.fromEntries(this.#failures),
    };
  }

  #lookAtProcesses(): void {
    const readUsage = this.#options.readUsage ?? readProcessUsage;
    const atMs = this.#clock.monotonicMs();
    for (const [name, pid] of this.#processes) {
      const usage = readUsage(pid);
      if (usage !== undefined) this.#usages.push({ atMs, pid, name, usage });
    }
    const next = this.#clock.setTimeout(() => this.#lookAtProcesses(), usageEveryMs);
    this.#timers.set('', next);
  }

  #askFor(name: string, ask: () => Promise<number>): void {
    const atMs = this.#clock.monotonicMs();
    const asking = ask()
      .then((value) => void this.#counts.push({ atMs, name, value }))
      .catch((error: unknown) => {
        const count = (this.#failures.get(name)?.count ?? 0) + 1;
        this.#failures.set(name, { count, last: String(error) });
      })
      .then(() => {
        if (this.#isStopped) return;
        const tookMs = this.#clock.monotonicMs() - atMs;
        const waitMs = Math.max(countEveryMs - tookMs, tookMs / maxCountShare - tookMs);
        const next = this.#clock.setTimeout(() => this.#askFor(name, ask), waitMs);
        this.#timers.set(name, next);
      });
    this.#asking.set(name, asking);
  }

  #samplesOf(name: string, offsetMs: number): ProcessSamples {
    const cpu: Point[] = [];
    const rssBytes: Point[] = [];
    let before: { atMs: number; pid: number; usage: ProcessUsage } | undefined;
    for (const sample of this.#usages) {
      if (sample.name !== name) continue;
      const atS = (sample.atMs - offsetMs) / 1_000;
      rssBytes.push({ atS, value: sample.usage.rssBytes });
      if (before?.pid === sample.pid && sample.atMs > before.atMs) {
        const usedMs = Math.max(0, sample.usage.cpuMs - before.usage.cpuMs);
        cpu.push({ atS, value: usedMs / (sample.atMs - before.atMs) });
      }
      before = sample;
    }
    return { cpu, rssBytes };
  }
}
