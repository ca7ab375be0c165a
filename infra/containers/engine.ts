import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export interface Output {
  code: number | null;
  /** What it printed, both streams as they came. */
  text: string;
}

/** A container of the shop as `docker ps` shows it. */
export interface ContainerState {
  id: string;
  service: string;
  state: string;
  /** "Up 3 seconds (healthy)". */
  status: string;
}

const abandonTimeoutMs = 10_000;

/** A Docker engine and a compose of either kind, used for one project. What they print is kept in a log. */
export class Engine {
  readonly project: string;
  readonly #compose: readonly [string, ...string[]];
  readonly #files: readonly string[];
  readonly #root: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly logPath: string;
  readonly #running = new Set<Promise<Output>>();
  #work = new AbortController();

  constructor(options: {
    compose: readonly [string, ...string[]];
    project: string;
    files: readonly string[];
    root: string;
    env: Readonly<Record<string, string>>;
    logPath: string;
  }) {
    this.project = options.project;
    this.#compose = options.compose;
    this.#files = options.files;
    this.#root = options.root;
    this.#env = options.env;
    this.logPath = options.logPath;
  }

  /** Errors: what it printed last. */
  async docker(...args: string[]): Promise<string> {
    return this.#mustSucceed('docker', args, args[0]);
  }

  async compose(...args: string[]): Promise<string> {
    const [command, ...first] = this.#compose;
    const files = this.#files.flatMap((path) => ['--file', path]);
    const project = ['--project-name', this.project];
    return this.#mustSucceed(command, [...first, ...project, ...files, ...args], args[0]);
  }

  /** Ends what was begun and is still under way: a build, or an `up` that would start what is being taken down. */
  async abandon(): Promise<void> {
    this.#work.abort();
    this.#work = new AbortController();
    await Promise.race([
      Promise.all(this.#running),
      delay(abandonTimeoutMs, undefined, { ref: false }),
    ]);
  }

  /** Errors: the engine does not say. */
  async containers(): Promise<ContainerState[]> {
    const { code, text } = await run(
      'docker',
      [
        'ps',
        '--all',
        `--filter=label=com.docker.compose.project=${this.project}`,
        '--format={{.ID}}\t{{.Label "com.docker.compose.service"}}\t{{.State}}\t{{.Status}}',
      ],
      { cwd: this.#root },
    );
    if (code !== 0) throw new Error(`docker ps ended with code ${code}: ${text.trim()}`);
    return text
      .split('\n')
      .filter((line) => line.includes('\t'))
      .map((line) => {
        const [id = '', service = '', state = '', status = ''] = line.split('\t');
        return { id, service, state, status };
      });
  }

  async #mustSucceed(
    command: string,
    args: readonly string[],
    what: string | undefined,
  ): Promise<string> {
    appendFileSync(this.logPath, `\n$ ${[command, ...args].join(' ')}\n`);
    const running = run(command, args, {
      cwd: this.#root,
      env: this.#env,
      logPath: this.logPath,
      signal: this.#work.signal,
    });
    this.#running.add(running);
    const { code, text } = await running;
    this.#running.delete(running);
    if (code === 0) return text;
    const tail = text.trimEnd().split('\n').slice(-15).join('\n');
    throw new Error(`${tail}\n\n${command} … ${what} ended with code ${code}`);
  }
}

/** Runs a command to its end. `code` is null when it could not be started or was ended by a signal. */
export function run(
  command: string,
  args: readonly string[],
  options: {
    cwd?: string;
    env?: Readonly<Record<string, string>>;
    logPath?: string;
    /** Both end it by SIGTERM. */
    signal?: AbortSignal;
    limitMs?: number;
  } = {},
): Promise<Output> {
  const { cwd, env, logPath, signal, limitMs } = options;
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C is for the command, which then takes everything down in order.
      detached: true,
      signal,
      timeout: limitMs,
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
        if (logPath !== undefined) appendFileSync(logPath, piece);
      });
    }
    child.on('error', (error) => {
      // One that was started and is told to end is awaited.
      if (child.pid === undefined) resolve({ code: null, text: error.message });
    });
    child.on('close', (code) => resolve({ code, text }));
  });
}
