import type { Flags, Scenario } from '../scenario.ts';
import { ArrivalSchedule } from './arrivals.ts';
import { GeneratorProcess } from './generator-process.ts';
import type { GeneratorFigures, LoadResult, LoadSecond } from './load-result.ts';
import type { SecondReport } from './messages.ts';
import { Tally } from './tally.ts';

export interface LoadOptions {
  /** Address of a module that exports `scenarios`, by name: the processes that send import it, too. */
  readonly module: string;
  readonly scenario: Scenario;
  readonly flags: Flags;
  /** By service. */
  readonly urls: Readonly<Record<string, string>>;
  readonly customerTokenSecret: string;
  /** What the scenario's setUp returned. */
  readonly ground: unknown;
  readonly processes?: number;
  /**
   * To each service, of all processes together; as many as a load balancer would keep, unless given. A request that finds
   * none waits in line, and its latency grows.
   */
  readonly maxConnections?: number;
  /** How many requests of one turn of the loop may share a connection. 1: none, as browsers do. */
  readonly pipelining?: number;
  readonly timeoutMs?: number;
  /** Called when the processes are there: whoever samples processes must know of them. */
  onProcesses?(pids: readonly number[]): void;
  /** The measured part begins, then. Units: ms since epoch. */
  onStart?(startedAtMs: number): void;
  onSecond?(second: LoadSecond): void;
}

/** For the first message to reach the last process. */
const headStartMs = 200;

/**
 * Sends a scenario's load, its warm-up first, and returns when everybody has been answered or timed out.
 *
 * Errors: when a generator dies; RangeError for a number that makes no sense. Whatever the system does is a figure.
 */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { scenario, flags, processes = 1 } = options;
  if (!Number.isInteger(processes) || processes < 1 || processes > 64) {
    throw new RangeError(`processes is ${processes}, it must be a whole number from 1 to 64`);
  }
  const schedule = new ArrivalSchedule(scenario.arrivals(flags));
  const record = new LoadRecord(schedule, processes, (second) => options.onSecond?.(second));
  const generators = Array.from(
    { length: processes },
    () => new GeneratorProcess((report) => record.take(report)),
  );
  try {
    options.onProcesses?.(generators.map(({ pid }) => pid ?? 0));
    await Promise.all(
      generators.map((generator, index) =>
        generator.prepare({
          module: options.module,
          scenario: scenario.name,
          flags,
          urls: options.urls,
          customerTokenSecret: options.customerTokenSecret,
          ground: options.ground,
          share: { index, of: processes },
          maxConnections: options.maxConnections ?? 512,
          pipelining: options.pipelining ?? 1,
          timeoutMs: options.timeoutMs ?? 10_000,
        }),
      ),
    );
    if (scenario.warmUp !== undefined) {
      const startAtMs = Date.now() + headStartMs;
      await Promise.all(generators.map((generator) => generator.run('warm-up', startAtMs)));
    }
    const startedAtMs = Date.now() + headStartMs;
    options.onStart?.(startedAtMs);
    const ended = await Promise.all(
      generators.map((generator) => generator.run('load', startedAtMs)),
    );
    return record.result(startedAtMs, ended);
  } finally {
    await Promise.all(generators.map((generator) => generator.stop()));
  }
}

interface Ended {
  readonly unfinished: number;
  readonly cpuMicros: number;
  readonly connectionsOpened: number;
  readonly waitedForConnection: number;
  readonly problem: string | undefined;
}

/** Adds up what the processes tell, second by second. */
class LoadRecord {
  readonly #schedule: ArrivalSchedule;
  readonly #processes: number;
  readonly #onSecond: (second: LoadSecond) => void;
  readonly #whole = new Tally();
  readonly #warmUp = new Tally();
  /** Of which not all processes have told yet. */
  readonly #open = new Map<number, { tally: Tally; inFlight: number; reports: number }>();
  readonly #seconds = new Map<number, LoadSecond>();

  constructor(
    schedule: ArrivalSchedule,
    processes: number,
    onSecond: (second: LoadSecond) => void,
  ) {
    this.#schedule = schedule;
    this.#processes = processes;
    this.#onSecond = onSecond;
  }

  take({ phase, second, tally: encoded, inFlight }: SecondReport): void {
    const tally = Tally.decode(encoded);
    if (phase === 'warm-up') {
      this.#warmUp.add(tally);
      return;
    }
    const open = this.#open.get(second) ?? { tally: new Tally(), inFlight: 0, reports: 0 };
    open.tally.add(tally);
    open.inFlight += inFlight;
    open.reports += 1;
    this.#open.set(second, open);
    if (open.reports === this.#processes) this.#closeSecond(second);
  }

  result(startedAtMs: number, ended: readonly Ended[]): LoadResult {
    for (const second of this.#open.keys()) this.#closeSecond(second);
    const sum = (of: (each: Ended) => number): number =>
      ended.reduce((total, each) => total + of(each), 0);
    const { durationS, count } = this.#schedule;
    const unfinished = sum((each) => each.unfinished);
    if (unfinished > 0) this.#whole.errors.set('unfinished', unfinished);
    const latencies = this.#whole.latencies();
    const cpuMicros = sum((each) => each.cpuMicros);
    const generator: GeneratorFigures = {
      processes: this.#processes,
      cpuCores: cpuMicros / 1e6 / durationS,
      cpuMicrosPerRequest: this.#whole.sent === 0 ? 0 : cpuMicros / this.#whole.sent,
      lag: this.#whole.lag.figures(),
      connectionsOpened: sum((each) => each.connectionsOpened),
      waitedForConnection: sum((each) => each.waitedForConnection),
    };
    const seconds = [...this.#seconds.values()].sort((a, b) => a.second - b.second);
    return {
      startedAtMs,
      durationS,
      arrived: count,
      sent: this.#whole.sent,
      answered: this.#whole.answered,
      answeredPerS: answeredPerS(seconds, durationS),
      errors: Object.fromEntries(this.#whole.errors),
      warmUp: { answered: this.#warmUp.answered, errors: Object.fromEntries(this.#warmUp.errors) },
      latency: latencies.figures(),
      percentiles: latencies.percentiles(),
      endpoints: Object.fromEntries(
        [...this.#whole.endpoints].map(([name, endpoint]) => [
          name,
          {
            perS: endpoint.latencies.count / durationS,
            errors: endpoint.errors,
            latency: endpoint.latencies.figures(),
          },
        ]),
      ),
      seconds,
      counts: Object.fromEntries(this.#whole.counts),
      marks: Object.fromEntries(
        [...this.#whole.marks].map(([name, latencies]) => [name, latencies.figures()]),
      ),
      kept: Object.fromEntries(this.#whole.kept),
      generator,
      problem: ended.find(({ problem }) => problem !== undefined)?.problem,
    };
  }

  #closeSecond(second: number): void {
    const { tally, inFlight } = this.#open.get(second)!;
    this.#open.delete(second);
    this.#whole.add(tally);
    const closed: LoadSecond = {
      second,
      arrived: this.#schedule.countUntil(second + 1) - this.#schedule.countUntil(second),
      sent: tally.sent,
      answered: tally.answered,
      failed: tally.failed,
      inFlight,
      latency: tally.latencies().figures(),
    };
    this.#seconds.set(second, closed);
    this.#onSecond(closed);
  }
}

/** Over the time in which visitors came: what was answered after that does not make the system any faster. */
function answeredPerS(seconds: readonly LoadSecond[], durationS: number): number {
  let answered = 0;
  for (const { second, answered: some } of seconds) if (second < durationS) answered += some;
  return answered / durationS;
}
