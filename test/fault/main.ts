import { parseArgs } from 'node:util';
import { runStore, type StoreRunCounts } from './store-run.ts';

const PROGRESS_EVERY_MS = 10_000;
const FLUSH_DISK_TYPES = ['SYNC_FLUSH', 'ASYNC_FLUSH'] as const;

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '100' }, seed: { type: 'string' } },
});
const seedCount = Number(values.seeds);
const firstSeed =
  values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed);

const total: Partial<StoreRunCounts> = {};
const failed: number[] = [];
let saidMs = performance.now();
console.log(`  seeds ${firstSeed} to ${firstSeed + seedCount - 1}, each in both flush modes`);
for (let index = 0; index < seedCount; index++) {
  await runSeed(firstSeed + index);
  if (performance.now() - saidMs < PROGRESS_EVERY_MS) continue;
  saidMs = performance.now();
  console.log(`  ${index + 1} of ${seedCount} seeds, ${failed.length} failed; ${totalLine()}`);
}
console.log(`\n  ${totalLine()}\n\n${seedCount - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;

async function runSeed(seed: number): Promise<void> {
  for (const flushDiskType of FLUSH_DISK_TYPES) {
    try {
      add(await runStore(seed, flushDiskType));
    } catch (error) {
      failed.push(seed);
      console.log(`\n✗ seed ${seed}, ${flushDiskType}: ${(error as Error).stack}`);
      console.log(`  again: npm run test:fault -- --seeds 1 --seed ${seed}\n`);
      return;
    }
  }
}

function add(counts: StoreRunCounts): void {
  for (const [name, count] of Object.entries(counts) as [keyof StoreRunCounts, number][]) {
    total[name] = (total[name] ?? 0) + count;
  }
}

function totalLine(): string {
  const { checked = 0, kills = 0, powerCuts = 0, diedOpening = 0, faults = 0 } = total;
  const { deletions = 0 } = total;
  return (
    `${checked} promises checked; ${kills} kills and ${powerCuts} power cuts, ${diedOpening} of them ` +
    `during recovery; ${faults} faults, ${deletions} topics deleted`
  );
}
