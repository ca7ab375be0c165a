import type { Flow, Scenario } from '../scenario.ts';
import { ArrivalSchedule } from './arrivals.ts';
import type { Origin } from './connection.ts';
import { HttpClient } from './http-client.ts';
import type { Assignment, FromGenerator, Phase } from './messages.ts';
import { Pacer } from './pacer.ts';
import { Visits } from './visits.ts';

const sweepMs = 50;
/** Beside the time-out: for visits of several requests. Who is still in the shop then is counted as unfinished. */
const lastVisitsMs = 30_000;

const clock = {
  monotonicMs: () => performance.now(),
  setTimeout: (callback: () => void, delayMs: number) => setTimeout(callback, delayMs),
  clearTimeout: (handle: { unref(): unknown } | undefined) =>
    clearTimeout(handle as NodeJS.Timeout | undefined),
};

/** One process that sends: its share of the visitors, its connections, and a report each second. */
export class Generator {
  readonly #assignment: Assignment;
  readonly #scenario: Scenario;
  readonly #origins: Readonly<Record<string, Origin>>;
  /** The same from the warm-up on: who has just opened his connections is a load of another kind. */
  readonly #client: HttpClient;
  readonly #flow: Flow;
  readonly #tell: (message: FromGenerator) => void;

  private constructor(
    assignment: Assignment,
    scenario: Scenario,
    tell: (message: FromGenerator) => void,
  ) {
    this.#assignment = assignment;
    this.#scenario = scenario;
    this.#tell = tell;
    this.#origins = Object.fromEntries(
      Object.entries(assignment.urls).map(([name, url]) => [name, originOf(url)]),
    );
    const { ground, flags, customerTokenSecret, maxConnections, pipelining, timeoutMs, share } =
      assignment;
    this.#client = new HttpClient({
      origins: this.#origins,
      maxConnections: Math.max(1, Math.floor(maxConnections / share.of)),
      pipelining,
      timeoutMs,
      nowMs: clock.monotonicMs,
    });
    this.#flow = scenario.flow({
      ground,
      flags,
      customerTokenSecret,
      beforehand: (make) => this.#beforehand(make),
    });
  }

  static async prepare(
    assignment: Assignment,
    tell: (message: FromGenerator) => void,
  ): Promise<Generator> {
    const { scenarios } = (await import(assignment.module)) as {
      scenarios?: Readonly<Record<string, Scenario>>;
    };
    const scenario = scenarios?.[assignment.scenario];
    if (scenario === undefined) {
      throw new RangeError(`${assignment.module} exports no scenario ${assignment.scenario}`);
    }
    const generator = new Generator(assignment, scenario, tell);
    if (scenario.connectsBefore !== undefined) {
      await generator.#client.connect(scenario.connectsBefore);
    }
    return generator;
  }

  /** Units: `startAtMs` since epoch, the same for all processes. */
  async run(phase: Phase, startAtMs: number): Promise<void> {
    const { timeoutMs, share } = this.#assignment;
    const client = this.#client;
    const { openedCount, waitedCount } = client;
    const visits = new Visits({
      flow: this.#flow,
      client,
      origins: this.#origins,
      isWarmUp: phase === 'warm-up',
      seed: this.#assignment.flags.seed,
      nowMs: clock.monotonicMs,
    });
    const startMs = startAtMs - performance.timeOrigin;
    const seconds = new Seconds(startMs, (second) => {
      const { tally, inFlight } = visits;
      this.#tell({ type: 'second', phase, second, tally: tally.encode(), inFlight });
      tally.clear();
    });
    const sweeper = setInterval(() => client.sweep(), sweepMs);
    const cpuBefore = process.cpuUsage();
    await new Pacer(this.#schedule(phase), share, clock, (visitor, dueMs) =>
      visits.begin(visitor, dueMs),
    ).run(startMs);
    const isLate = await endsWithin(visits.untilEmpty(), timeoutMs + lastVisitsMs);
    const cpu = process.cpuUsage(cpuBefore);
    clearInterval(sweeper);
    const unfinished = isLate ? visits.underWay : 0;
    if (phase === 'load') client.close();
    seconds.stop();
    this.#tell({
      type: 'ended',
      phase,
      unfinished,
      cpuMicros: cpu.user + cpu.system,
      connectionsOpened: client.openedCount - openedCount,
      waitedForConnection: client.waitedCount - waitedCount,
      problem: visits.problem,
    });
  }

  #schedule(phase: Phase): ArrivalSchedule {
    const { flags } = this.#assignment;
    const stages =
      phase === 'load' ? this.#scenario.arrivals(flags) : (this.#scenario.warmUp?.(flags) ?? []);
    return new ArrivalSchedule(stages);
  }

  /** For the visitors of this process, of the load; those of a warm-up have the same numbers, and are fewer. */
  #beforehand<T>(make: (visitorNumber: number) => T): (visitorNumber: number) => T {
    const { index, of } = this.#assignment.share;
    const count = Math.max(this.#schedule('load').count, this.#schedule('warm-up').count);
    const made: T[] = [];
    for (let visitor = index; visitor < count; visitor += of) made.push(make(visitor));
    return (visitor) => made[(visitor - index) / of]!;
  }
}

/** Tells at the end of each second since the start, and once more when it is stopped. */
class Seconds {
  readonly #startMs: number;
  readonly #tell: (second: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #second = 0;

  constructor(startMs: number, tell: (second: number) => void) {
    this.#startMs = startMs;
    this.#tell = tell;
    this.#wait();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#tell(this.#second);
  }

  #wait(): void {
    const endMs = this.#startMs + (this.#second + 1) * 1_000;
    this.#timer = setTimeout(
      () => {
        // Timers are late by what the loop had to do, early by a rounded millisecond.
        if (performance.now() >= endMs) {
          this.#tell(this.#second);
          this.#second = Math.floor((performance.now() - this.#startMs) / 1_000);
        }
        this.#wait();
      },
      Math.max(1, endMs - performance.now()),
    );
  }
}

function originOf(url: string): Origin {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 80) };
}

/** True when it does not. */
async function endsWithin(work: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), ms);
  });
  const isLate = await Promise.race([work.then(() => false), late]);
  clearTimeout(timer);
  return isLate;
}
