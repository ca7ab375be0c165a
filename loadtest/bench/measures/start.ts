import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Producer } from 'millrace';
import { DevProcess } from '../dev-process.ts';

/** Long enough for the garbage of start-up to be collected or not, as in a process left alone. */
const idleMs = 2_000;

interface Start {
  /** From the spawn of `millrace dev` on an empty store to the first acknowledged message of this process. */
  firstAckMs: number;
  idleRssMb: number;
  /** Spawn to exit of `node -e 0`: what of it is Node itself. */
  bareNodeMs: number;
}

/** Units: milliseconds, and MB of 10^6 bytes, as the kernel's VmRSS says after two idle seconds. */
export async function measureStart(
  runs: number,
  say: (line: string) => void,
): Promise<Record<string, number>> {
  const starts: Start[] = [];
  for (let run = 1; run <= runs; run++) {
    const start = await startOnce();
    starts.push(start);
    say(
      `start ${run}/${runs}: first ack after ${start.firstAckMs.toFixed(0)} ms` +
        ` (bare node ${start.bareNodeMs.toFixed(0)} ms), idle RSS ${start.idleRssMb.toFixed(1)} MB`,
    );
  }
  const median = (values: number[]): number =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
  const firstAckMs = median(starts.map((start) => start.firstAckMs));
  const bareNodeMs = median(starts.map((start) => start.bareNodeMs));
  const idleRssMb = median(starts.map((start) => start.idleRssMb));
  say(
    `median: first ack ${firstAckMs.toFixed(0)} ms, ${(firstAckMs / bareNodeMs).toFixed(1)} × bare node` +
      ` (target ≤ 300 ms); idle RSS ${idleRssMb.toFixed(1)} MB (target ≤ 90 MB)`,
  );
  return { first_ack_ms: Math.round(firstAckMs), idle_rss_mb: Math.round(idleRssMb * 10) / 10 };
}

async function startOnce(): Promise<Start> {
  const bareNodeMs = await timeBareNode();
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  const startedAt = performance.now();
  try {
    await using dev = new DevProcess(directory);
    await using producer = new Producer({
      namesrvAddr: await dev.namesrvAddr,
      producerGroup: 'bench-start',
    });
    await producer.start();
    await producer.send({ topic: 'BenchStart', body: 'first' });
    const firstAckMs = performance.now() - startedAt;
    await new Promise((resolve) => setTimeout(resolve, idleMs));
    return { firstAckMs, idleRssMb: await dev.residentMb(), bareNodeMs };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function timeBareNode(): Promise<number> {
  const startedAt = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
  return performance.now() - startedAt;
}
