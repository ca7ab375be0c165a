import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Admin, Producer } from 'millrace';
import { readProcessUsage } from '../../sampling/process-usage.ts';
import { fillOf, type Bench } from '../bench.ts';
import type { BrokerKind } from '../broker-under-test.ts';
import { rounded } from '../figures.ts';

/** Long enough for the garbage of start-up to be collected or not, as in a process left alone. */
const IDLE_MS = 2_000;
/** Each start of a virtual machine takes seconds. */
const MOST_RUNS_OF_ANOTHER = 3;

const FILL_TOPIC = 'BenchStore';
const FILL_QUEUES = 4;
const FILL_BODY_BYTES = 16_384;
/** With everything a record holds beside its body. */
const FILL_RECORD_BYTES = 16_640;

interface Start {
  /** From the spawn of the first process to the first acknowledged message of this one. */
  readonly firstAckMs: number;
  readonly idleRssMb: number;
}

/**
 * Starts each broker with its name server: on an empty store, and on a large one that it has closed itself.
 *
 * Units: milliseconds, and MB of 10^6 bytes, as the kernel says after two idle seconds. Names without a broker are ours.
 */
export async function measureStart(bench: Bench): Promise<Record<string, number>> {
  const { kinds, runs, storeGb, say } = bench;
  const figures: Record<string, number> = {};
  const bareNodeMs = await median(runs, timeBareNode);
  for (const kind of kinds) {
    const runsOfIt = kind.name === 'millrace' ? runs : Math.min(runs, MOST_RUNS_OF_ANOTHER);
    const prefix = kind.name === 'millrace' ? '' : `${kind.name}_`;
    const take = (name: string, { firstAckMs, idleRssMb }: Start): void => {
      figures[`${prefix}${name}first_ack_ms`] = Math.round(firstAckMs);
      figures[`${prefix}${name}idle_rss_mb`] = rounded(idleRssMb);
      say(
        `  ${kind.name}, ${name === '' ? 'empty store' : `clean store of ${storeGb} GB`}: first ack after` +
          ` ${firstAckMs.toFixed(0)} ms (bare node ${bareNodeMs.toFixed(0)} ms), idle RSS ${idleRssMb.toFixed(1)} MB`,
      );
    };
    take(
      '',
      await medianStart(runsOfIt, () => inDirectory(kind, (directory) => startOn(kind, directory))),
    );
    await inDirectory(kind, async (directory) => {
      await fill(bench, kind, directory);
      take('store_', await medianStart(runsOfIt, () => startOn(kind, directory)));
    });
  }
  return { ...figures, store_gb: storeGb, bare_node_ms: Math.round(bareNodeMs) };
}

async function startOn(kind: BrokerKind, storeDirectory: string): Promise<Start> {
  const startedAt = performance.now();
  await using broker = await kind.start({ storeDirectory, flush: 'sync' });
  const { namesrvAddr, pid } = broker;
  await using producer = new Producer({ namesrvAddr, producerGroup: 'bench-start' });
  await producer.start();
  await producer.send({ topic: 'BenchStart', body: 'first' });
  const firstAckMs = performance.now() - startedAt;
  await delay(IDLE_MS);
  const idleRssMb = (readProcessUsage(pid)?.rssBytes ?? 0) / 1e6;
  await broker.stop();
  return { firstAckMs, idleRssMb };
}

async function fill({ load, storeGb, say }: Bench, kind: BrokerKind, storeDirectory: string) {
  await using broker = await kind.start({ storeDirectory, flush: 'async' });
  await using admin = new Admin({ namesrvAddr: broker.namesrvAddr });
  await admin.start();
  await admin.createTopic({
    topic: FILL_TOPIC,
    readQueueNums: FILL_QUEUES,
    writeQueueNums: FILL_QUEUES,
  });
  const shape = {
    topic: FILL_TOPIC,
    queueCount: FILL_QUEUES,
    bodyBytes: FILL_BODY_BYTES,
    batchCount: 1,
  };
  const messages = Math.ceil((storeGb * 1e9) / FILL_RECORD_BYTES);
  const { elapsedMs } = await load.run(fillOf(broker, shape, messages));
  say(`  ${kind.name} stored ${storeGb} GB in ${(elapsedMs / 1_000).toFixed(1)} s`);
  await broker.stop();
}

async function inDirectory<T>(
  { name }: BrokerKind,
  use: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), `bench-${name}-`));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function medianStart(runs: number, start: () => Promise<Start>): Promise<Start> {
  const starts: Start[] = [];
  for (let run = 0; run < runs; run += 1) starts.push(await start());
  return {
    firstAckMs: middle(starts.map((each) => each.firstAckMs)),
    idleRssMb: middle(starts.map((each) => each.idleRssMb)),
  };
}

async function median(runs: number, take: () => Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let run = 0; run < runs; run += 1) values.push(await take());
  return middle(values);
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function timeBareNode(): Promise<number> {
  const startedAt = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
  return performance.now() - startedAt;
}
