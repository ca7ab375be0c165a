import { afterEach, it } from '@jest/globals';
import { SeededRandom } from '../../infra/seeded-random.ts';
import { Stage } from './stage.ts';

const only = process.env['MILLRACE_SEED'];

/** A play whose course is drawn: what happens on the stage, and when. */
export abstract class SeededPlay {
  /** What happened, with the time, for the message of a failure. */
  readonly journal: string[] = [];
  protected readonly stage: Stage;
  protected readonly random: SeededRandom;

  constructor(stage: Stage, random: SeededRandom) {
    this.stage = stage;
    this.random = random;
  }

  /** Throws when something is not as it must be. */
  abstract run(): Promise<void>;

  protected pick<T>(choices: readonly T[]): T {
    return choices[this.random.below(choices.length)]!;
  }

  protected note(what: string): void {
    this.journal.push(`${this.stage.world.clock.monotonicMs()} ${what}`);
  }
}

/**
 * One test a seed, 1 to `seedCount`; a failure prints its seed and what happened. `MILLRACE_SEED=17` plays that one,
 * `MILLRACE_SEEDS=200` so many.
 */
export function itPlaysBySeed(
  title: string,
  seedCount: number,
  Play: new (stage: Stage, random: SeededRandom) => SeededPlay,
): void {
  const count = Number(process.env['MILLRACE_SEEDS'] ?? seedCount);
  const seeds =
    only === undefined ? Array.from({ length: count }, (_, index) => index + 1) : [Number(only)];
  let failed: { seed: number; journal: readonly string[] } | undefined;

  afterEach(() => {
    if (failed !== undefined) {
      process.stderr.write(`MILLRACE_SEED=${failed.seed}\n${failed.journal.join('\n')}\n`);
    }
    failed = undefined;
  });

  it.each(seeds)(
    `${title} (seed %i)`,
    async (seed) => {
      await using stage = await Stage.set();
      const play = new Play(stage, new SeededRandom(seed));
      failed = { seed, journal: play.journal };
      await play.run();
      stage.assertNothingFailed();
      failed = undefined;
    },
    120_000,
  );
}
