import type { Step } from '../command.ts';

/** In seconds. */
export interface Limits {
  /** Of each step that is not named. */
  readonly step: number;
  readonly named: Readonly<Record<string, number>>;
  /** Of everything together; undefined where nobody waits. */
  readonly total: number | undefined;
}

/** Steps that may not take for ever: who gives up says at what. */
export class TimeLimits {
  /** Never resolves. Errors: naming the step that was under way when its time, or that of all, was over. */
  readonly exceeded: Promise<never>;
  readonly #step: Step;
  readonly #limits: Limits;
  readonly #underWay = new Set<string>();
  readonly #ofAll: NodeJS.Timeout | undefined;
  #fail: (error: Error) => void = () => undefined;

  constructor(step: Step, limits: Limits) {
    this.#step = step;
    this.#limits = limits;
    this.exceeded = new Promise((_, reject) => (this.#fail = reject));
    this.exceeded.catch(() => undefined);
    const { total } = limits;
    if (total === undefined) return;
    this.#ofAll = setTimeout(() => {
      const names = [...this.#underWay].map((name) => `"${name}"`).join(', ');
      this.#fail(new Error(`not done after ${total} s in all, and at the step ${names || 'none'}`));
    }, total * 1_000);
  }

  readonly step: Step = (name, work) => {
    const seconds = this.#limits.named[name] ?? this.#limits.step;
    return this.#step(name, async (say) => {
      this.#underWay.add(name);
      const timer = setTimeout(() => {
        this.#fail(new Error(`the step "${name}" was not done after ${seconds} s`));
      }, seconds * 1_000);
      try {
        return await work(say);
      } finally {
        clearTimeout(timer);
        this.#underWay.delete(name);
      }
    });
  };

  [Symbol.dispose](): void {
    clearTimeout(this.#ofAll);
  }
}
