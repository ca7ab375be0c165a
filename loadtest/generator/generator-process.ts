import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Assignment, FromGenerator, Phase, SecondReport, ToGenerator } from './messages.ts';

/** Compiled, also for who runs the sources. */
const main = fileURLToPath(
  import.meta.url.endsWith('.ts')
    ? new URL('../dist/generator/main.js', import.meta.url)
    : new URL('main.js', import.meta.url),
);

type Ended = FromGenerator & { type: 'ended' };

/**
 * One generator, seen from its parent.
 *
 * Errors: an Error with what it printed last, when it ends before it was told to.
 */
export class GeneratorProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #onSecond: (report: SecondReport) => void;
  readonly #failure: Promise<never>;
  #isStopping = false;
  #lastWords = '';
  #onMessage: (message: FromGenerator) => void = () => undefined;

  constructor(onSecond: (report: SecondReport) => void) {
    this.#onSecond = onSecond;
    this.#child = fork(main, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-2_000);
    });
    this.#child.on('message', (message) => this.#onMessage(message as FromGenerator));
    this.#failure = new Promise((_, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', (code, signal) => {
        if (this.#isStopping) return;
        reject(new Error(`a load generator ended with ${signal ?? code}: ${this.#lastWords}`));
      });
    });
    // Whoever waits for something races against it.
    this.#failure.catch(() => undefined);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  async prepare(assignment: Assignment): Promise<void> {
    await this.#ask({ type: 'prepare', assignment }, (message) =>
      message.type === 'ready' ? message : undefined,
    );
  }

  run(phase: Phase, startAtMs: number): Promise<Ended> {
    return this.#ask({ type: 'run', phase, startAtMs }, (message) => {
      if (message.type === 'second') this.#onSecond(message);
      return message.type === 'ended' ? message : undefined;
    });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #ask<T>(question: ToGenerator, answerIn: (message: FromGenerator) => T | undefined): Promise<T> {
    const answered = new Promise<T>((resolve, reject) => {
      this.#onMessage = (message) => {
        const answer = answerIn(message);
        if (answer !== undefined) resolve(answer);
      };
      this.#child.send(question, (error) => {
        if (error !== null) reject(error);
      });
    });
    return Promise.race([answered, this.#failure]);
  }
}
