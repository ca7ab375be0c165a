import { describe, expect, it } from '@jest/globals';
import { runStore } from '../../fault/store-run.ts';

/** `npm run test:fault` runs as many as one likes. */
const SEEDS = 30;

describe('a store that is killed and cut from power again and again', () => {
  it.each(['SYNC_FLUSH', 'ASYNC_FLUSH'] as const)(
    'keeps what it has promised, in order, and finds it (%s)',
    async (flushDiskType) => {
      let checked = 0;
      for (let seed = 1; seed <= SEEDS; seed++) {
        try {
          checked += (await runStore(seed, flushDiskType)).checked;
        } catch (cause) {
          const replay = `npm run test:fault -- --seeds 1 --seed ${seed}`;
          throw new Error(`seed ${seed} failed; again: ${replay}`, { cause });
        }
      }
      expect(checked).toBeGreaterThan(100 * SEEDS);
    },
    120_000,
  );

  it.each([
    ['an fsync failed, and nobody could note it before the kill', 31_260],
    ['damage was set aside, and the start that did so was killed', 40_132],
    ['an IndexFile lost its end, and looked as if its messages were gone', 41_219],
    ['a queue whose messages were gone lost its file, and with it those that came later', 70_210],
    ['a checkpoint vouched for an index that was ahead of what the log had flushed', 61_325],
  ])('keeps it where it once did not: %s', async (_, seed) => {
    await runStore(seed, 'SYNC_FLUSH');
    await runStore(seed, 'ASYNC_FLUSH');
  });
});
