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
});
