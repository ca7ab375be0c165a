import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Say, Step } from '../command.ts';
import type { Verdict } from '../demo/report.ts';
import { readLine } from './lines.ts';

export interface Answers {
  'kill broker': () => Promise<void>;
  'start broker': () => Promise<void>;
}

/** A step of the container, as one of ours. */
interface OpenStep {
  say: Say;
  /** Resolves when that is shown. */
  end: (isDone: boolean) => Promise<void>;
}

/** The container in which the demo is played, and the talk with it. */
export class Player {
  readonly #child;
  readonly #step: Step;
  readonly #answers: Answers;
  readonly #steps = new Map<number, OpenStep>();
  readonly #ended: Promise<number | null>;
  #heard = Promise.resolve();
  #verdict: Verdict | undefined;
  /** Resolves when the container has asked whether it may start. Errors: it has ended before. */
  readonly ready: Promise<void>;
  #isReady: () => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;
  readonly #failure: Promise<never>;

  constructor(args: readonly string[], step: Step, answers: Answers) {
    this.#step = step;
    this.#answers = answers;
    this.#child = spawn('docker', ['run', '--interactive', '--rm', ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env },
      detached: true,
    });
    this.#ended = new Promise((resolve) => {
      this.#child.on('error', () => resolve(null));
      this.#child.on('close', resolve);
    });
    this.ready = new Promise((resolve, reject) => {
      this.#isReady = resolve;
      void this.#ended.then((code) => {
        reject(new Error(`the demo in its container ended with code ${code} before it was ready`));
      });
    });
    this.ready.catch(() => undefined);
    this.#failure = new Promise((_, reject) => (this.#fail = reject));
    this.#failure.catch(() => undefined);
    // An answer to one that has ended has no reader; that it has ended is noticed elsewhere.
    this.#child.stdin.on('error', () => undefined);
    createInterface({ input: this.#child.stdout }).on('line', (text) => {
      // One after the other: what is said after a step is shown after it.
      this.#heard = this.#heard.then(() => this.#hear(text)).catch(this.#fail);
    });
  }

  /** Lets it play. Errors: it ended without a verdict, or what it has asked for could not be done. */
  async play(): Promise<Verdict> {
    this.#answer();
    const code = await Promise.race([this.#ended, this.#failure]);
    await this.#heard;
    if (this.#verdict === undefined) {
      throw new Error(`the demo in its container ended with code ${code} and without a verdict`);
    }
    return this.#verdict;
  }

  async #hear(text: string): Promise<void> {
    const line = readLine(text);
    if (line === undefined) console.log(text);
    else if ('verdict' in line) this.#verdict = line.verdict;
    else if ('name' in line) this.#begin(line.step, line.name);
    else if ('words' in line) this.#steps.get(line.step)?.say(line.words);
    else if ('isDone' in line) await this.#steps.get(line.step)?.end(line.isDone);
    else if (line.ask === 'start') this.#isReady();
    else this.#answers[line.ask]().then(() => this.#answer(), this.#fail);
  }

  #begin(number: number, name: string): void {
    const shown = this.#step(name, (say) => {
      return new Promise<void>((resolve, reject) => {
        const end = (isDone: boolean): Promise<void> => {
          if (isDone) resolve();
          else reject(new Error(name));
          // That a step has failed is shown; why, the container says itself.
          return shown.catch(() => undefined);
        };
        this.#steps.set(number, { say, end });
      });
    });
    shown.catch(() => undefined);
  }

  #answer(): void {
    this.#child.stdin.write('done\n');
  }
}
