import type { Clock } from '../clock.ts';

/** The original's tables (5.x): an answer that took so long keeps its broker out of the choice for so long. */
const latencyMaxMs = [50, 100, 550, 1_800, 3_000, 5_000, 15_000];
const notAvailableDurationMs = [0, 0, 2_000, 5_000, 6_000, 10_000, 30_000];

const FIRST_AVOIDANCE_MS = 1_000;
const LONGEST_AVOIDANCE_MS = 30_000;

/** What is held against one broker. Times are on the monotonic clock. */
export interface Fault {
  /** Whether it failed, or was only slow. */
  readonly hasFailed: boolean;
  /** Of the answer that was too slow; 0 for a failure. */
  readonly latencyMs: number;
  readonly sinceMs: number;
  /** Until then others are preferred. */
  readonly untilMs: number;
  /** How long that was to be. */
  readonly avoidanceMs: number;
}

/** What happens between a producer and a broker. `startedMs` is when the attempt began. */
export type BrokerEvent =
  | { readonly type: 'answered'; readonly startedMs: number }
  | { readonly type: 'failed'; readonly startedMs: number }
  | { readonly type: 'tried' };

/**
 * What is held against a broker after something has happened.
 *
 * A failure counts for 1 s, and twice as long, up to 30 s, when the broker fails again after that; failures of attempts that
 * were under way then are the same failure. A slow answer counts, when `isLatencyCounted`, as the tables say. When the
 * time is over, one message tries the broker, and the others go on avoiding it until that one has its answer, or
 * for as long again. A good answer clears everything.
 */
export function faultAfter(
  before: Fault | undefined,
  event: BrokerEvent,
  nowMs: number,
  isLatencyCounted: boolean,
): Fault | undefined {
  switch (event.type) {
    case 'tried':
      return before === undefined || before.untilMs > nowMs
        ? before
        : { ...before, untilMs: nowMs + before.avoidanceMs };
    case 'answered':
      return isLatencyCounted ? slowness(nowMs - event.startedMs, nowMs) : undefined;
    case 'failed':
      return before?.hasFailed === true && event.startedMs < before.sinceMs
        ? before
        : failure(before, nowMs);
    default:
      return event satisfies never;
  }
}

function slowness(latencyMs: number, nowMs: number): Fault | undefined {
  const index = latencyMaxMs.findLastIndex((max) => latencyMs >= max);
  const avoidanceMs = notAvailableDurationMs[index] ?? 0;
  if (avoidanceMs === 0) return undefined;
  const untilMs = nowMs + avoidanceMs;
  return { hasFailed: false, latencyMs, sinceMs: nowMs, untilMs, avoidanceMs };
}

function failure(before: Fault | undefined, nowMs: number): Fault {
  const avoidanceMs =
    before?.hasFailed === true
      ? Math.min(before.avoidanceMs * 2, LONGEST_AVOIDANCE_MS)
      : FIRST_AVOIDANCE_MS;
  const untilMs = nowMs + avoidanceMs;
  return { hasFailed: true, latencyMs: 0, sinceMs: nowMs, untilMs, avoidanceMs };
}

/** Below zero when `a` is the lesser evil: who is slow before who failed, the faster first, then whose time is over first. */
export function compareFaults(a: Fault, b: Fault): number {
  if (a.hasFailed !== b.hasFailed) return a.hasFailed ? 1 : -1;
  return a.latencyMs - b.latencyMs || a.untilMs - b.untilMs;
}

export interface FaultToleranceOptions {
  readonly clock: Clock;
  /** Whether slow answers count, besides failures. */
  readonly sendLatencyFaultEnable: boolean;
  /** Whether a route still leads to this broker. */
  readonly isRouted: (brokerName: string) => boolean;
}

/** Which brokers a producer would rather not send to now, and why. Brokers that left the routes are forgotten. */
export class FaultTolerance {
  readonly #options: FaultToleranceOptions;
  readonly #faults = new Map<string, Fault>();

  constructor(options: FaultToleranceOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#faults.size === 0;
  }

  get size(): number {
    return this.#faults.size;
  }

  note(brokerName: string, event: BrokerEvent): void {
    const before = this.#faults.get(brokerName);
    const { clock, sendLatencyFaultEnable } = this.#options;
    const after = faultAfter(before, event, clock.monotonicMs(), sendLatencyFaultEnable);
    if (after === undefined) this.#faults.delete(brokerName);
    else {
      if (before === undefined) this.#forgetUnrouted();
      this.#faults.set(brokerName, after);
    }
  }

  isAvoided(brokerName: string): boolean {
    const fault = this.#faults.get(brokerName);
    return fault !== undefined && fault.untilMs > this.#options.clock.monotonicMs();
  }

  /** Of brokers that are all avoided. */
  leastBad(brokerNames: Iterable<string>): string | undefined {
    let best: { brokerName: string; fault: Fault } | undefined;
    for (const brokerName of brokerNames) {
      const fault = this.#faults.get(brokerName);
      if (fault === undefined) return brokerName;
      if (best === undefined || compareFaults(fault, best.fault) < 0) best = { brokerName, fault };
    }
    return best?.brokerName;
  }

  #forgetUnrouted(): void {
    for (const brokerName of this.#faults.keys()) {
      if (!this.#options.isRouted(brokerName)) this.#faults.delete(brokerName);
    }
  }
}
