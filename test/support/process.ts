import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './deadline.ts';

export interface ProcessOptions {
  /** Default: this Node. */
  command?: string;
  args: readonly string[];
  /** Added to this process's environment; undefined takes a variable out. */
  env?: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  /** What it prints when it serves; without it, it is started and that is all. */
  ready?: RegExp;
  readyTimeoutMs?: number;
}

export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/**
 * A real process in a test: `await using server = await TestProcess.start({ args: ['dist/cli/main.js', 'broker'] })`.
 *
 * It stays in the process group of the test run, so that nothing outlives a run that is itself killed. Output goes to
 * files, which stay readable when the process is killed, and are deleted when it is disposed of.
 */
export class TestProcess implements AsyncDisposable {
  readonly #options: ProcessOptions;
  readonly #dir: string;
  #child: ChildProcess | undefined;
  #ended: Promise<ProcessEnd> | undefined;

  private constructor(options: ProcessOptions, dir: string) {
    this.#options = options;
    this.#dir = dir;
  }

  static async start(options: ProcessOptions): Promise<TestProcess> {
    const dir = await mkdtemp(join(tmpdir(), 'millrace-process-'));
    const started = new TestProcess(options, dir);
    try {
      await started.#launch();
    } catch (error) {
      await started[Symbol.asyncDispose]();
      throw error;
    }
    return started;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('the process has no pid: it is not started');
    return pid;
  }

  get isRunning(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  /** Settles when the process has ended, by itself or by a signal. */
  get ended(): Promise<ProcessEnd> {
    if (this.#ended === undefined) throw new Error('the process is not started');
    return this.#ended;
  }

  /** Waits for its end; returns what it printed to stdout. Errors: it ended otherwise than well, with all it printed. */
  async endedWell(goodCodes: readonly number[] = [0]): Promise<string> {
    const { code, signal } = await this.ended;
    if (code !== null && goodCodes.includes(code)) return this.stdout();
    throw new Error(`ended with ${signal ?? code}:\n${await this.log()}`);
  }

  /** What it has printed since it was first started; restarts append. */
  stdout(): Promise<string> {
    return readFile(join(this.#dir, 'stdout'), 'utf8');
  }

  stderr(): Promise<string> {
    return readFile(join(this.#dir, 'stderr'), 'utf8');
  }

  async log(): Promise<string> {
    return (await this.stdout()) + (await this.stderr());
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** SIGTERM, and SIGKILL when it has not ended in time. */
  async stop(timeoutMs = 15_000): Promise<ProcessEnd> {
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), timeoutMs);
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }

  /** SIGKILL. */
  async kill(): Promise<ProcessEnd> {
    this.signal('SIGKILL');
    return await this.ended;
  }

  /** Starts it again with the same options; one that still runs is stopped first. */
  async restart(): Promise<void> {
    if (this.isRunning) await this.stop();
    await this.#launch();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isRunning) await this.stop();
    await rm(this.#dir, { recursive: true, force: true });
  }

  async #launch(): Promise<void> {
    const {
      command = process.execPath,
      args,
      cwd,
      env,
      ready,
      readyTimeoutMs = 30_000,
    } = this.#options;
    const stdout = await open(join(this.#dir, 'stdout'), 'a');
    const stderr = await open(join(this.#dir, 'stderr'), 'a');
    // Counted apart: what a restart prints to stdout stands before what the first start printed to stderr.
    const stdoutBefore = (await this.stdout()).length;
    const stderrBefore = (await this.stderr()).length;
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', stdout.fd, stderr.fd],
    });
    this.#child = child;
    this.#ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    // Reported by whoever awaits `ended`.
    this.#ended.catch(() => undefined);
    await Promise.all([stdout.close(), stderr.close()]);
    if (ready === undefined) return;
    const what = `${command} ${args.join(' ')}`;
    const printed = async (): Promise<string> =>
      (await this.stdout()).slice(stdoutBefore) + (await this.stderr()).slice(stderrBefore);
    const outcome = await until(
      async () => {
        if (ready.test(await printed())) return 'ready';
        return this.isRunning ? undefined : 'ended';
      },
      { timeoutMs: readyTimeoutMs, what: `${what} prints ${ready}` },
    );
    if (outcome === 'ended')
      throw new Error(`${what} ended before it was ready:\n${await printed()}`);
  }
}
