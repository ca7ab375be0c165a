import type { Clock, TimerHandle } from '../clock.ts';
import type { Logger } from '../logger.ts';

/** How a process ended: one of the two is not null. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A process that runs, as its supervisor sees it. */
export interface Running {
  readonly pid: number | undefined;
  /** Settles when it serves; never, if it ends before. */
  readonly ready: Promise<void>;
  readonly exit: Promise<Exit>;
  kill(signal: NodeJS.Signals): void;
}

export interface SupervisorDeps {
  readonly names: readonly string[];
  readonly launch: (name: string) => Running;
  readonly clock: Clock;
  readonly logger: Logger;
}

const FIRST_RESTART_MS = 1_000;
const LONGEST_RESTART_MS = 30_000;
/** Whoever has served for so long has recovered: its next end is a new one. */
const RECOVERED_MS = 60_000;

interface Member {
  readonly name: string;
  running: Running | undefined;
  hasServed: boolean;
  /** Since when it serves; undefined while it does not. */
  readyAtMs: number | undefined;
  failureCount: number;
  timer: TimerHandle | undefined;
}

/**
 * Keeps processes running side by side.
 *
 * One that cannot serve at the first start ends all: the settings are wrong, or the place is taken, and whoever started
 * it should know. One that ends later is started again, and the others go on: to end them, too, would turn the loss of
 * one broker into the loss of all, and the messages of the one that is gone come back only with it.
 */
export class Supervisor {
  readonly #deps: SupervisorDeps;
  readonly #members: Member[];
  readonly #ended: Promise<number>;
  #end!: (code: number) => void;
  #exitCode: number | undefined;

  constructor(deps: SupervisorDeps) {
    this.#deps = deps;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#members = deps.names.map((name) => ({
      name,
      running: undefined,
      hasServed: false,
      readyAtMs: undefined,
      failureCount: 0,
      timer: undefined,
    }));
  }

  /** Settles when every process has ended, with the exit code for all. */
  get ended(): Promise<number> {
    return this.#ended;
  }

  /** Settles with true when all serve, with false when that will not be. */
  async start(): Promise<boolean> {
    const serving = this.#members.map((member) => this.#launch(member));
    const all = Promise.all(serving).then(() => true);
    return Promise.race([all, this.#ended.then(() => false)]);
  }

  /** Has all end in good order, once and no matter how often it is called. */
  stop(exitCode = 0): void {
    if (this.#exitCode !== undefined) return;
    this.#exitCode = exitCode;
    for (const member of this.#members) {
      this.#deps.clock.clearTimeout(member.timer);
      member.running?.kill('SIGTERM');
    }
    this.#endWhenAllHave();
  }

  /** Ends all at once. */
  kill(): void {
    this.#exitCode = 1;
    for (const { running } of this.#members) running?.kill('SIGKILL');
  }

  /** Settles when it serves; never, if it ends before. */
  async #launch(member: Member): Promise<void> {
    const { clock } = this.#deps;
    const running = this.#started(member.name);
    member.running = running;
    void running.exit.then((exit) => this.#exited(member, exit));
    await running.ready;
    member.hasServed = true;
    member.readyAtMs = clock.monotonicMs();
  }

  /** What cannot be started at all, for want of memory say, ends at once, and is tried again like everything that ends. */
  #started(name: string): Running {
    const { launch, logger } = this.#deps;
    try {
      return launch(name);
    } catch (cause) {
      logger.error(`${name} cannot be started`, { cause });
      return {
        pid: undefined,
        ready: new Promise(() => undefined),
        exit: Promise.resolve({ code: 1, signal: null }),
        kill: () => undefined,
      };
    }
  }

  #exited(member: Member, exit: Exit): void {
    const { clock, logger } = this.#deps;
    member.running = undefined;
    const how = exit.signal ?? `exit code ${exit.code}`;
    if (this.#exitCode !== undefined) {
      // Each was asked to end, one that still started by that very signal; how the worst of them did is how all did.
      const isAsAsked = exit.code === 0 || exit.signal === 'SIGTERM';
      if (!isAsAsked && this.#exitCode === 0) this.#exitCode = exit.code ?? 1;
      return this.#endWhenAllHave();
    }
    if (!member.hasServed) {
      logger.error(`${member.name} ended before it served (${how}): all end`);
      return this.stop(exit.code === 0 || exit.code === null ? 1 : exit.code);
    }
    const nowMs = clock.monotonicMs();
    if (nowMs - (member.readyAtMs ?? nowMs) >= RECOVERED_MS) member.failureCount = 0;
    member.readyAtMs = undefined;
    const delayMs = Math.min(FIRST_RESTART_MS * 2 ** member.failureCount++, LONGEST_RESTART_MS);
    logger.error(`${member.name} ended (${how}): it is started again in ${delayMs} ms`);
    member.timer = clock.setTimeout(() => {
      void this.#launch(member).then(() => logger.info(`${member.name} serves again`));
    }, delayMs);
  }

  #endWhenAllHave(): void {
    if (this.#members.every(({ running }) => running === undefined)) this.#end(this.#exitCode!);
  }
}
