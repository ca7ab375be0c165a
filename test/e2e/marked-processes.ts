import { randomUUID } from 'node:crypto';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const variable = 'MILLRACE_E2E_MARK';

/**
 * A mark in the environment of a process, which everything it starts inherits, whatever process group or session it
 * moves to. So what is left of a command can be found without asking the command.
 */
export class ProcessMark {
  readonly #value = randomUUID();

  get env(): Record<string, string> {
    return { [variable]: this.#value };
  }

  /** "pid command line" of every running process with the mark. */
  async running(): Promise<string[]> {
    return process.platform === 'linux' ? await this.#fromProc() : await this.#fromPs();
  }

  async #fromProc(): Promise<string[]> {
    const found: string[] = [];
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      try {
        // Empty for a process that has ended and is only waited for.
        const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
        if (!environment.includes(this.#value)) continue;
        const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8');
        found.push(`${pid} ${commandLine.replaceAll('\0', ' ')}`);
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    }
    return found;
  }

  async #fromPs(): Promise<string[]> {
    const { stdout } = await promisify(execFile)('ps', ['-AwwE', '-o', 'pid=,command=']);
    return stdout.split('\n').filter((line) => line.includes(this.#value));
  }
}

/** It ended while we looked, or is another user's. (Jest's realm has an Error class of its own: no instanceof.) */
function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES';
}
