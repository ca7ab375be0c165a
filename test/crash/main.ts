import { parseArgs } from 'node:util';
import { CrashRun, noCounts, type CrashCounts } from './crash-run.ts';

/** Then a new store, so that neither the disk nor what is remembered grows with the number of cycles. */
const CYCLES_A_STORE = 100;
const PROGRESS_EVERY_MS = 10_000;

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '30' },
    seed: { type: 'string' },
    /** Of the clone. */
    root: { type: 'string', default: process.cwd() },
    /** A folder for the stores. */
    state: { type: 'string', default: '.millrace' },
  },
});
const cycleCount = Number(values.cycles);
const firstSeed =
  values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed);

const total = noCounts();
let failed = 0;
let saidMs = performance.now();
console.log(`  ${cycleCount} cycles, seed ${firstSeed}`);
for (let seed = firstSeed; total.cycles + failed < cycleCount; seed++) await runStore(seed);
console.log(`\n  ${totalLine(total)}\n\n${total.cycles} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** A store lasts until its cycles are over, or until it has failed once: what comes after would be of no worth. */
async function runStore(seed: number): Promise<void> {
  const cycles = Math.min(CYCLES_A_STORE, cycleCount - total.cycles - failed);
  await using run = await CrashRun.start(values.root, values.state, seed);
  try {
    for (let cycle = 0; cycle < cycles; cycle++) {
      await run.cycle();
      if (performance.now() - saidMs < PROGRESS_EVERY_MS) continue;
      saidMs = performance.now();
      console.log(
        `  ${total.cycles + failed + cycle + 1} of ${cycleCount} cycles, ${failed} failed; ` +
          `${totalLine(run.counts)} of this store`,
      );
    }
    await run.rest();
  } catch (error) {
    failed++;
    console.log(`\n✗ seed ${seed}, cycle ${run.counts.cycles + 1}, ${run.doing}: ${String(error)}`);
    console.log(
      `  again: npm run test:crash -- --seed ${seed} --cycles ${run.counts.cycles + 1}\n`,
    );
  }
  for (const name of Object.keys(total) as (keyof CrashCounts)[]) total[name] += run.counts[name];
}

function totalLine(counts: CrashCounts): string {
  const { killsAtStart, rests, cleanUps, acknowledged, committed, timers } = counts;
  return (
    `${acknowledged} messages acknowledged, ${committed} transactions committed, ${timers} timers delivered, ` +
    `${killsAtStart} more kills at a start, ${cleanUps} while cleaning up, ${rests} times at rest`
  );
}
