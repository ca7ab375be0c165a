import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/**
 * Our end of the pipe to watchdog.mjs, which ends everything on its list once this process is gone, however it went.
 * (The alternative, that each child watches its parent, is closed to us: MariaDB, Redis and `docker run` do not.)
 */
export class Watchdog {
  readonly #process: ChildProcess;

  constructor(root: string) {
    this.#process = spawn(process.execPath, [join(root, 'infra', 'watchdog.mjs')], {
      stdio: ['pipe', 'ignore', 'ignore'],
      // Its own session: a signal to our process group must not reach it before it has done its work.
      detached: true,
    });
    // A watchdog that somebody killed is not a reason to stop.
    this.#process.stdin?.on('error', () => undefined);
    this.#process.unref();
  }

  add(kind: 'group' | 'container', name: string | number): void {
    this.#process.stdin?.write(`+${kind} ${name}\n`);
  }

  remove(kind: 'group' | 'container', name: string | number): void {
    this.#process.stdin?.write(`-${kind} ${name}\n`);
  }

  /** Lets the watchdog go; it ends what is still on its list first. */
  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.ref();
    this.#process.stdin?.end();
    await exited;
  }
}
