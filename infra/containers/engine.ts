import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';

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

/** A Docker engine and a compose of either kind, used for one project. What they print is kept in a log. */
export class Engine {
  readonly project: string;
  readonly #compose: readonly [string, ...string[]];
  readonly #files: readonly string[];
  readonly #root: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly logPath: string;

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

  async containers(): Promise<ContainerState[]> {
    const output = await run(
      'docker',
      [
        'ps',
        '--all',
        `--filter=label=com.docker.compose.project=${this.project}`,
        '--format={{.ID}}\t{{.Label "com.docker.compose.service"}}\t{{.State}}\t{{.Status}}',
      ],
      { cwd: this.#root },
    );
    return output.text
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
    const { code, text } = await run(command, args, {
      cwd: this.#root,
      env: this.#env,
      logPath: this.logPath,
    });
    if (code === 0) return text;
    const tail = text.trimEnd().split('\n').slice(-15).join('\n');
    throw new Error(`${tail}\n\n${command} … ${what} ended with code ${code}`);
  }
}

/** Runs a command to its end. `code` is null when it could not be started or was ended by a signal. */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>>; logPath?: string } = {},
): Promise<Output> {
  const { cwd, env, logPath } = options;
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C is for the command, which then takes everything down in order.
      detached: true,
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
        if (logPath !== undefined) appendFileSync(logPath, piece);
      });
    }
    child.on('error', (error) => resolve({ code: null, text: error.message }));
    child.on('close', (code) => resolve({ code, text }));
  });
}
