import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FromGenerator, Job, JobResult } from './messages.ts';

/** Compiled, also for who runs the sources. */
const main = fileURLToPath(
  import.meta.url.endsWith('.ts')
    ? new URL('../../dist/bench/generator/main.js', import.meta.url)
    : new URL('main.js', import.meta.url),
);

/** The generator's process, seen from its parent. One job at a time. */
export class LoadProcess implements AsyncDisposable {
  readonly #child: ChildProcess = fork(main, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  readonly #ended: Promise<never>;

  constructor() {
    this.#ended = once(this.#child, 'exit').then(([code, signal]) => {
      throw new Error(`the load generator ended with ${String(signal ?? code)}`);
    });
    // Whoever waits for a result races against it.
    this.#ended.catch(() => undefined);
  }

  /** Errors: an Error that says why the load broke off. */
  async run(job: Job): Promise<JobResult> {
    const answered = once(this.#child, 'message') as Promise<[FromGenerator]>;
    this.#child.send(job);
    const [answer] = await Promise.race([answered, this.#ended]);
    if (answer.type === 'failed') throw new Error(`the load broke off: ${answer.message}`);
    return answer.result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}
