import { spawn, type ChildProcess } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { putBehindOthers, signalGroup, startTimeOf } from './process-groups.ts';
import { Watchdog } from './watchdog.ts';

const pollMs = 25;

export interface ProcessOptions {
  /** Also the name of its log file. */
  name: string;
  command: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** Processes with a higher number are stopped first; equal ones at the same time. */
  stopOrder: number;
  /** How long it may take from SIGTERM to its end before it gets SIGKILL. */
  stopTimeoutMs?: number;
  /** For one that may not hear the first SIGTERM and does not mind another. Default: it is told once. */
  stopAgainEveryMs?: number;
  /** A line in its output that says it serves, or a question to ask it; without one it is ready at once. */
  ready?: RegExp | (() => Promise<boolean>);
  readyTimeoutMs?: number;
  /** A Docker container behind the process, which would outlive a killed `docker run`. */
  container?: string;
  /** Its end is no failure. */
  endsByItself?: boolean;
}

export class RunningProcess {
  readonly name: string;
  readonly pid: number;
  readonly exited: Promise<string>;
  readonly #child: ChildProcess;
  /** The log file, and the byte behind which it holds what the process has printed since this start. */
  readonly #log: { path: string; start: number } | undefined;
  #isReady = false;
  #isStopping = false;

  constructor(
    name: string,
    child: ChildProcess,
    pid: number,
    log: { path: string; start: number } | undefined,
  ) {
    this.name = name;
    this.pid = pid;
    this.#child = child;
    this.#log = log;
    this.exited = new Promise((resolve) => {
      child.on('exit', (code, signal) => resolve(signal ?? `code ${code}`));
    });
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** It has come so far that its end would be unexpected; until then whoever starts it is told. */
  get isReady(): boolean {
    return this.#isReady;
  }

  noteReady(): void {
    this.#isReady = true;
  }

  output(): string {
    if (this.#log === undefined) return '';
    return readFileSync(this.#log.path).subarray(this.#log.start).toString();
  }

  /** Signals the whole process group; the caller expects it to end. */
  kill(signal: NodeJS.Signals): void {
    this.#isStopping = true;
    signalGroup(this.pid, signal);
  }

  async stop(timeoutMs: number, againEveryMs?: number): Promise<void> {
    this.kill('SIGTERM');
    const again =
      againEveryMs === undefined
        ? undefined
        : setInterval(() => this.kill('SIGTERM'), againEveryMs).unref();
    const isTooSlow = Symbol('too slow');
    const timer = new AbortController();
    const outcome = await Promise.race([
      this.exited,
      delay(timeoutMs, isTooSlow, { signal: timer.signal, ref: false }),
    ]);
    timer.abort();
    clearInterval(again);
    if (outcome === isTooSlow) {
      this.kill('SIGKILL');
      await this.exited;
    }
    // What the process itself has started and left behind. The system needs a moment to bury it.
    for (let wait = 0; signalGroup(this.pid, 'SIGKILL') && wait < 40; wait += 1)
      await delay(pollMs);
  }

  /** "order ended with code 1" and the end of what it printed. */
  describeEnd(how: string): string {
    const tail = this.output().trimEnd().split('\n').slice(-15).join('\n');
    const log = this.#log === undefined ? '' : ` Log: ${relative(process.cwd(), this.#log.path)}`;
    return `${tail}\n\n${this.name} ${how}.${log}`;
  }
}

/**
 * The processes one command has started: each in its own process group, its output in a log file, nothing left at the end.
 *
 * Output goes straight to the file, not through a pipe of ours, so it is complete even when we are killed. Three
 * things see to the end of all processes: stopAll(); the watchdog, when we are killed; and the pid files in
 * `<dir>/pids`, from which the next command in the same folder ends what is left when both were killed.
 */
export class Processes {
  readonly #logDir: string;
  readonly #pidDir: string;
  readonly #watchdog: Watchdog;
  readonly #running = new Map<RunningProcess, ProcessOptions>();
  /** Rejects when a process ends that was ready and that nobody has asked to end. */
  readonly failure: Promise<never>;
  readonly #fail: (error: Error) => void;
  #isStopping = false;

  constructor(dir: string, root: string) {
    this.#logDir = join(dir, 'logs');
    this.#pidDir = join(dir, 'pids');
    rmSync(this.#logDir, { recursive: true, force: true });
    mkdirSync(this.#logDir, { recursive: true });
    mkdirSync(this.#pidDir, { recursive: true });
    this.#watchdog = new Watchdog(root);
    let fail: (error: Error) => void = () => undefined;
    this.failure = new Promise<never>((_, reject) => (fail = reject));
    this.#fail = fail;
    // Those who wait for something race against it; when nobody waits it must not count as unhandled.
    this.failure.catch(() => undefined);
  }

  /**
   * Starts a process and returns when it is ready to serve; throws when it ends before, or takes too long. Then nothing is left of
   * it, and it can be started again.
   */
  async start(options: ProcessOptions): Promise<RunningProcess> {
    const logPath = join(this.#logDir, `${options.name}.log`);
    const log = openSync(logPath, 'a');
    const logStart = statSync(logPath).size;
    const running = await this.#launch(options, log, { path: logPath, start: logStart }).finally(
      () => closeSync(log),
    );
    try {
      await untilReady(running, options);
    } catch (error) {
      await stop(running, options);
      throw error;
    }
    return running;
  }

  /**
   * SIGKILL: the process has no time to write, flush, or say goodbye. Resolves when it is gone, with the way to start it
   * again.
   */
  async kill(name: string): Promise<() => Promise<void>> {
    const found = [...this.#running].find(([running]) => running.name === name);
    if (found === undefined) throw new Error(`${name} is not running, it cannot be killed`);
    const [running, options] = found;
    running.kill('SIGKILL');
    await running.exited;
    return async () => void (await this.start(options));
  }

  /**
   * Runs a process that ends by itself and talks to the terminal; returns its exit code, 1 for a signal.
   *
   * With `timeLimitMs` it is stopped after that time, and says so: a test that leaves a socket open keeps Jest from
   * ending, and would keep a build waiting until somebody looks.
   */
  async runToEnd(
    options: Pick<ProcessOptions, 'name' | 'command' | 'args' | 'env' | 'cwd'> & {
      timeLimitMs?: number;
    },
  ): Promise<number> {
    const { timeLimitMs, ...processOptions } = options;
    const running = await this.#launch(
      { ...processOptions, stopOrder: 100, endsByItself: true },
      'inherit',
    );
    const limit =
      timeLimitMs === undefined
        ? undefined
        : setTimeout(() => {
            console.error(`\n${options.name} did not end within ${timeLimitMs / 1000} s: stopped`);
            void running.stop(2_000);
          }, timeLimitMs);
    const end = await running.exited;
    clearTimeout(limit);
    return end.startsWith('code ') ? Number(end.slice('code '.length)) : 1;
  }

  /** The process ids of what runs, by name. What a process has started itself is not in it. */
  pids(): ReadonlyMap<string, number> {
    return new Map([...this.#running.keys()].map(({ name, pid }) => [name, pid]));
  }

  /** From now on these have what the others leave of the processors. Who is not there is left out. */
  async putBehindOthers(names: readonly string[]): Promise<void> {
    for (const { name, pid } of this.#running.keys()) {
      if (!names.includes(name) || (await putBehindOthers(pid))) continue;
      console.warn(`${name} cannot be put behind the others: it takes its share of the processors`);
    }
  }

  /** Stops everything, in order. Safe to call twice; the second call kills. */
  async stopAll(): Promise<void> {
    if (this.#isStopping) {
      for (const running of this.#running.keys()) running.kill('SIGKILL');
    }
    this.#isStopping = true;
    for (;;) {
      const order = Math.max(...[...this.#running.values()].map((options) => options.stopOrder));
      const next = [...this.#running].filter(([, options]) => options.stopOrder === order);
      if (next.length === 0) break;
      await Promise.all(next.map(([running, options]) => stop(running, options)));
    }
    await this.#watchdog.close();
  }

  async #launch(
    options: ProcessOptions,
    output: number | 'inherit',
    log?: { path: string; start: number },
  ): Promise<RunningProcess> {
    if (this.#isStopping) throw new Error(`${options.name} is not started any more: stopping`);
    const child = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', output, output],
      detached: true,
    });
    if (child.pid === undefined) {
      const error = await new Promise<Error>((resolve) => child.once('error', resolve));
      throw new Error(`${options.name} cannot be started: ${error.message}`, { cause: error });
    }
    const running = new RunningProcess(options.name, child, child.pid, log);
    this.#remember(running, options);
    return running;
  }

  #remember(running: RunningProcess, options: ProcessOptions): void {
    const pidFile = join(this.#pidDir, String(running.pid));
    writeFileSync(pidFile, startTimeOf(running.pid) ?? '');
    this.#running.set(running, options);
    this.#watchdog.add('group', running.pid);
    if (options.container !== undefined) this.#watchdog.add('container', options.container);
    void running.exited.then((end) => {
      this.#running.delete(running);
      rmSync(pidFile, { force: true });
      this.#watchdog.remove('group', running.pid);
      if (options.container !== undefined) this.#watchdog.remove('container', options.container);
      const isExpected = !running.isReady || running.isStopping || options.endsByItself === true;
      if (!isExpected && !this.#isStopping) {
        this.#fail(new Error(running.describeEnd(`ended unexpectedly with ${end}`)));
      }
    });
  }
}

async function untilReady(running: RunningProcess, options: ProcessOptions): Promise<void> {
  const { ready, readyTimeoutMs = 30_000 } = options;
  if (ready === undefined) return running.noteReady();
  const deadline = performance.now() + readyTimeoutMs;
  for (;;) {
    const isReady = ready instanceof RegExp ? ready.test(running.output()) : await ready();
    // First: it may have ended after it said so, and another may answer in its place.
    if (!running.isRunning) {
      const end = await running.exited;
      throw new Error(running.describeEnd(`did not start: it ended with ${end}`));
    }
    if (isReady) return running.noteReady();
    if (performance.now() > deadline) {
      throw new Error(running.describeEnd(`is not ready after ${readyTimeoutMs / 1000} s`));
    }
    await delay(pollMs);
  }
}

function stop(
  running: RunningProcess,
  { stopTimeoutMs = 10_000, stopAgainEveryMs }: ProcessOptions,
): Promise<void> {
  return running.stop(stopTimeoutMs, stopAgainEveryMs);
}

/** Ends processes that an earlier command in this folder left behind because it and its watchdog were killed. */
export async function endLeftovers(dir: string): Promise<number> {
  const pidDir = join(dir, 'pids');
  mkdirSync(pidDir, { recursive: true });
  const left = readdirSync(pidDir)
    .map(Number)
    .filter((pid) => startTimeOf(pid) === readFileSync(join(pidDir, String(pid)), 'utf8'));
  const signalLeft = (signal: NodeJS.Signals) => {
    for (const pid of left) signalGroup(pid, signal);
  };
  signalLeft('SIGTERM');
  const deadline = performance.now() + 5_000;
  while (left.some((pid) => signalGroup(pid, 0)) && performance.now() < deadline)
    await delay(pollMs);
  signalLeft('SIGKILL');
  rmSync(pidDir, { recursive: true, force: true });
  return left.length;
}
