import { SeededRandom } from '../../infra/seeded-random.ts';
import { mutated, type Material } from './mutation.ts';
import type { Target } from './target.ts';

/** Inputs kept because something new became of them. Beyond either limit the oldest make room. */
const MAX_KEPT = 400;
const MAX_KEPT_BYTES = 2 * 1024 * 1024;
/** Outcomes told apart; a target with more does not say what it does in few enough words. */
const MAX_OUTCOMES = 20_000;
const CLOCK_EVERY = 16;

/** An input that a target did not survive as it should. */
export class Found extends Error {
  readonly target: string;
  readonly input: Buffer;

  constructor(target: string, input: Buffer, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.target = target;
    this.input = input;
  }
}

/**
 * Mutates a target's inputs for slices of time. Inputs with a new outcome join those that are mutated, so that what is
 * behind a check that was once passed is reached more and more often.
 */
export class Fuzzer {
  readonly target: Target;
  readonly #random: SeededRandom;
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  readonly #outcomes = new Set<string>();
  readonly #noteInput: (target: string, input: Buffer) => void;
  #inputCount = 0;

  /** `noteInput` is told of each input before it is tried: who does not come back from one cannot say which it was. */
  constructor(
    target: Target,
    seed: number,
    noteInput: (target: string, input: Buffer) => void = () => undefined,
  ) {
    this.target = target;
    this.#random = new SeededRandom(seed);
    this.#noteInput = noteInput;
  }

  get inputCount(): number {
    return this.#inputCount;
  }

  get outcomeCount(): number {
    return this.#outcomes.size;
  }

  /** Errors: Found. */
  async runFor(milliseconds: number): Promise<void> {
    const endMs = performance.now() + milliseconds;
    while (performance.now() < endMs) {
      for (let turn = 0; turn < CLOCK_EVERY; turn++) await this.#next();
    }
  }

  /** Errors: Found. */
  async runInputs(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn++) await this.#next();
  }

  async #next(): Promise<void> {
    const { inputs, words } = this.target.material;
    const material: Material = {
      inputs: this.#kept.length > 0 && this.#random.chance(0.6) ? this.#kept : inputs,
      words,
    };
    await this.try(mutated(this.#random, material));
  }

  /** Errors: Found. */
  async try(input: Buffer): Promise<void> {
    this.#noteInput(this.target.name, input);
    this.#inputCount++;
    let outcome: string;
    try {
      outcome = await this.target.check(input);
    } catch (error) {
      throw new Found(this.target.name, input, error);
    }
    if (this.#outcomes.has(outcome) || this.#outcomes.size >= MAX_OUTCOMES) return;
    this.#outcomes.add(outcome);
    this.#kept.push(Buffer.from(input));
    this.#keptBytes += input.length;
    while (this.#kept.length > MAX_KEPT || this.#keptBytes > MAX_KEPT_BYTES) {
      this.#keptBytes -= this.#kept.shift()!.length;
    }
  }
}
