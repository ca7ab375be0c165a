import { openSync, writeSync } from 'node:fs';
import { SeededRandom } from '../../infra/seeded-random.ts';
import { readFound } from './found.ts';
import { Found, Fuzzer } from './fuzzer.ts';
import { mebibytes, MemoryBound } from './memory.ts';
import { allTargets } from './targets.ts';

/** What the worker tells its supervisor. */
export type Report =
  | { type: 'progress'; target: string; inputs: number; outcomes: number; peakMiB: number }
  | { type: 'found'; target: string; inputHex: string; what: string }
  | { type: 'done' };

export interface Work {
  seconds: number;
  seed: number;
  /** Only the target of this name. */
  only: string | undefined;
  /** A file of found/, tried once instead of fuzzing. */
  replay: string | undefined;
  /** Where each input is written before it is tried. */
  inputFile: string;
}

const SLICE_MS = 1_000;

process.once('message', (work: Work) => {
  run(work)
    .catch((error: unknown) => tell(asFound(error)))
    .finally(() => tell({ type: 'done' }))
    .finally(() => process.disconnect());
});

async function run(work: Work): Promise<void> {
  const noteInput = inputWriter(work.inputFile);
  const targets = (await allTargets()).filter(
    ({ name }) => work.only === undefined || name === work.only,
  );
  if (work.replay !== undefined) {
    const { target: name, input } = readFound(work.replay);
    const target = targets.find((each) => each.name === name);
    if (target === undefined) throw new Error(`there is no target ${JSON.stringify(name)}`);
    await new Fuzzer(target, 0, noteInput).try(input);
    await target.rest?.();
    return;
  }
  const random = new SeededRandom(work.seed);
  const fuzzers = targets.map((target) => new Fuzzer(target, random.below(2 ** 32), noteInput));
  const endMs = performance.now() + work.seconds * 1_000;
  let memory: MemoryBound | undefined;
  while (performance.now() < endMs) {
    for (const fuzzer of fuzzers) {
      await fuzzer.runFor(SLICE_MS);
      await fuzzer.target.rest?.();
      await memory?.assertKept(fuzzer.target.name);
      tell({
        type: 'progress',
        target: fuzzer.target.name,
        inputs: fuzzer.inputCount,
        outcomes: fuzzer.outcomeCount,
        peakMiB: mebibytes(memory?.peakBytes ?? 0),
      });
    }
    // After one round everything is loaded, compiled and has its caches.
    memory ??= await MemoryBound.begin();
  }
}

/** A file is what is left of a process that ran out of memory or never came back. */
function inputWriter(path: string): (target: string, input: Buffer) => void {
  const file = openSync(path, 'w');
  return (target, input) => {
    const head = Buffer.from(`${target}\n${input.length}\n`);
    writeSync(file, Buffer.concat([head, input]), 0, head.length + input.length, 0);
  };
}

function asFound(error: unknown): Report {
  const input = error instanceof Found ? error.input : Buffer.alloc(0);
  const target = error instanceof Found ? error.target : 'the fuzzer itself';
  const cause = error instanceof Found ? error.cause : error;
  const what = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  return { type: 'found', target, inputHex: input.toString('hex'), what };
}

function tell(report: Report): void {
  process.send?.(report);
}
