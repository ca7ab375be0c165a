import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeFound } from './found.ts';
import type { Report, Work } from './worker.ts';

/** A worker that says nothing for so long has met an input it does not come back from. */
const SILENCE_MS = 60_000;
/** Of the worker. An input that needs more shows: the process ends. */
const HEAP_MIB = 384;
const PROGRESS_EVERY_MS = 10_000;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    target: { type: 'string' },
    replay: { type: 'string' },
    /** Of the clone: where found/ is. */
    root: { type: 'string', default: process.cwd() },
    /** A folder for what this run writes. */
    state: { type: 'string', default: '.millrace' },
  },
});
const work: Work = {
  seconds: Number(values.seconds),
  seed: values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed),
  only: values.target,
  replay: values.replay,
  inputFile: join(values.state, 'fuzz-input'),
};

const worker = fork(join(import.meta.dirname, 'worker.js'), {
  execArgv: [`--max-old-space-size=${HEAP_MIB}`],
});
process.exitCode = (await supervise(worker)) === 0 ? 0 : 1;

/** Returns the number of finds: 0 or 1, since a process that failed is not to be trusted any more. */
async function supervise(child: ChildProcess): Promise<number> {
  const startMs = performance.now();
  const progress = new Map<string, Extract<Report, { type: 'progress' }>>();
  let found: { target: string; input: Buffer; what: string } | undefined;
  let isDone = false;
  let silence = setTimeout(onSilence, SILENCE_MS);
  let saidMs = startMs;
  child.on('message', (report: Report) => {
    clearTimeout(silence);
    silence = setTimeout(onSilence, SILENCE_MS);
    if (report.type === 'done') isDone = true;
    else if (report.type === 'found') {
      found ??= { ...report, input: Buffer.from(report.inputHex, 'hex') };
    } else {
      progress.set(report.target, report);
      if (performance.now() - saidMs < PROGRESS_EVERY_MS) return;
      saidMs = performance.now();
      console.log(
        `  ${seconds(saidMs - startMs)} s: ${total(progress)} inputs, peak ${report.peakMiB} MiB`,
      );
    }
  });
  child.send(work);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.once('exit', (...ending) => resolve(ending));
  });
  clearTimeout(silence);
  if (!isDone) found ??= { ...lastInput(), what: `the process ended with ${signal ?? code}` };
  for (const { target, inputs, outcomes } of progress.values()) {
    console.log(
      `  ${target.padEnd(18)} ${String(inputs).padStart(9)} inputs, ${outcomes} outcomes`,
    );
  }
  if (found !== undefined) {
    const path = writeFound(join(values.root, 'test', 'fuzz', 'found'), found, found.what);
    console.log(
      `\nfound, in ${found.target}: ${found.what}\nkept as ${path}\nagain: npm run fuzz -- --replay ${path}`,
    );
  }
  const count = found === undefined ? 0 : 1;
  const peakMiB = Math.max(0, ...Array.from(progress.values(), (each) => each.peakMiB));
  console.log(
    JSON.stringify({
      seed: work.seed,
      seconds: seconds(performance.now() - startMs),
      inputs: total(progress),
      peak_mib: peakMiB,
      found: count,
    }),
  );
  return count;

  function onSilence(): void {
    found ??= { ...lastInput(), what: `no end after ${SILENCE_MS / 1_000} s` };
    child.kill('SIGKILL');
  }
}

function lastInput(): { target: string; input: Buffer } {
  const note = readFileSync(work.inputFile);
  const target = note.subarray(0, note.indexOf(0x0a));
  const size = note.subarray(target.length + 1, note.indexOf(0x0a, target.length + 1));
  const at = target.length + size.length + 2;
  return { target: target.toString(), input: note.subarray(at, at + Number(size.toString())) };
}

function total(progress: ReadonlyMap<string, { inputs: number }>): number {
  return Array.from(progress.values(), ({ inputs }) => inputs).reduce((sum, each) => sum + each, 0);
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds / 1_000);
}
