import { spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline/promises';

export interface CommandResult {
  code: number | null;
  output: string;
}

/** The machine we run on, as far as looking for servers and installing them goes; tests pass another one. */
export interface Machine {
  env: Readonly<Record<string, string | undefined>>;
  platform: NodeJS.Platform;
  isRoot: boolean;
  isTerminal: boolean;
  /** The full path of an executable, or undefined. */
  which(name: string): Promise<string | undefined>;
  /** Runs a command to its end; `code` is null when it could not be started or took too long. */
  run(
    command: string,
    args: readonly string[],
    options?: { timeoutMs?: number; env?: Readonly<Record<string, string>> },
  ): Promise<CommandResult>;
  ask(question: string): Promise<boolean>;
}

/** Debian keeps servers in /usr/sbin, which is not on every user's PATH; Homebrew keeps old versions off PATH. */
const furtherFolders = [
  '/usr/sbin',
  '/usr/local/sbin',
  '/usr/libexec',
  '/opt/homebrew/bin',
  '/opt/homebrew/opt/mariadb/bin',
  '/usr/local/opt/mariadb/bin',
];

export const thisMachine: Machine = {
  env: process.env,
  platform: process.platform,
  isRoot: process.getuid?.() === 0,
  isTerminal: process.stdin.isTTY && process.stdout.isTTY,

  async which(name) {
    const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
    for (const folder of [...folders, ...furtherFolders]) {
      const path = join(folder, name);
      const isExecutable = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (isExecutable) return path;
    }
    return undefined;
  },

  run(command, args, options = {}) {
    return new Promise((resolve) => {
      const child = spawn(command, args, {
        stdio: ['inherit', 'pipe', 'pipe'],
        env: { ...process.env, ...options.env },
        ...(options.timeoutMs !== undefined && {
          timeout: options.timeoutMs,
          killSignal: 'SIGKILL',
        }),
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => (output += text));
      }
      child.on('error', (error) => resolve({ code: null, output: error.message }));
      child.on('close', (code) => resolve({ code, output }));
    });
  },

  async ask(question) {
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    // readline takes Ctrl-C for itself; it means what it means everywhere else.
    terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    const answer = await terminal.question(`${question} [Y/n] `);
    terminal.close();
    return /^(y|yes|)$/i.test(answer.trim());
  },
};
