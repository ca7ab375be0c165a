import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Producer, PushConsumer } from 'millrace';
import { DevProcess } from '../dev-process.ts';

const TIMER_COUNT = 1_000_000;
const IN_FLIGHT = 512;
const WAIT_MS = 86_400_000;
/** What a message costs on its way is in the page cache and in garbage by then. */
const IDLE_MS = 3_000;
const TOPIC = 'BenchTimers';
/** Acknowledged once the kernel has it: what is measured comes after. */
const flags = ['--flush-disk-type', 'ASYNC_FLUSH'];

interface Started {
  firstAckMs: number;
  residentMb: number;
}

/**
 * Parks a million messages for a day, and starts the broker on them: from its snapshot, from queue entries alone, and
 * after kill -9. `runs` is how often each start is repeated, and how many messages are timed beside them.
 *
 * Units: milliseconds from the spawn of `millrace dev` to its first acknowledged message; bytes of RSS a timer, less
 *        that of a broker with an empty store.
 */
export async function measureTimers(
  runs: number,
  say: (line: string) => void,
): Promise<Record<string, number>> {
  const empty = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    const bare = await median(runs, () => startOn(empty));
    say(`timers: empty store, first ack after ${bare.firstAckMs.toFixed(0)} ms`);
    const parkedPerSecond = await park(directory);
    say(`timers: parked ${TIMER_COUNT}, ${parkedPerSecond.toFixed(0)} a second`);
    const snapshot = await median(runs, () => startOn(directory));
    const bytesEach = ((snapshot.residentMb - bare.residentMb) * 1e6) / TIMER_COUNT;
    say(
      `timers: from the snapshot first ack after ${snapshot.firstAckMs.toFixed(0)} ms` +
        ` (target ≤ 2000 ms), ${bytesEach.toFixed(0)} bytes of RSS a timer (target ≤ 200)`,
    );
    const killed = await median(runs, () => startOn(directory, 'SIGKILL'));
    say(`timers: after kill -9 first ack after ${killed.firstAckMs.toFixed(0)} ms`);
    const entries = await median(runs, async () => {
      await rm(join(directory, 'timers'), { recursive: true, force: true });
      return startOn(directory);
    });
    say(`timers: from queue entries alone first ack after ${entries.firstAckMs.toFixed(0)} ms`);
    const lateMs = await measureLateness(directory, runs);
    say(`timers: delivered ${lateMs.toFixed(1)} ms late beside them (target ≤ 50 ms)`);
    return {
      timer_bytes: Math.round(bytesEach),
      timers_start_ms: Math.round(snapshot.firstAckMs),
      timers_start_killed_ms: Math.round(killed.firstAckMs),
      timers_start_entries_ms: Math.round(entries.firstAckMs),
      timer_late_ms: Math.round(lateMs * 10) / 10,
    };
  } finally {
    for (const each of [empty, directory]) await rm(each, { recursive: true, force: true });
  }
}

async function park(directory: string): Promise<number> {
  await using dev = new DevProcess(directory, flags);
  await using producer = await connect(dev);
  const startedAt = performance.now();
  let left = TIMER_COUNT;
  const parkInTurn = async (): Promise<void> => {
    while (left-- > 0) await producer.send({ topic: TOPIC, body: 'x', delayTimeMs: WAIT_MS });
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, parkInTurn));
  return (TIMER_COUNT * 1000) / (performance.now() - startedAt);
}

async function startOn(
  directory: string,
  end: 'SIGTERM' | 'SIGKILL' = 'SIGTERM',
): Promise<Started> {
  const startedAt = performance.now();
  await using dev = new DevProcess(directory, flags);
  await using producer = await connect(dev);
  await producer.send({ topic: TOPIC, body: 'first' });
  const firstAckMs = performance.now() - startedAt;
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const residentMb = await dev.residentMb();
  await dev.stop(end);
  return { firstAckMs, residentMb };
}

/** The worst of `runs` messages, from the time each was sent for to the listener. */
async function measureLateness(directory: string, runs: number): Promise<number> {
  await using dev = new DevProcess(directory, flags);
  const topic = `${TOPIC}Late`;
  const lateMs: number[] = [];
  await using producer = await connect(dev);
  await producer.send({ topic, body: '0' });
  await using consumer = new PushConsumer({
    namesrvAddr: await dev.namesrvAddr,
    consumerGroup: 'bench-timers',
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
  });
  consumer.subscribe(topic);
  consumer.onMessage((message) => {
    const deliverMs = Number(message.body.toString());
    if (deliverMs > 0) lateMs.push(Date.now() - deliverMs);
  });
  await consumer.start();
  for (let run = 1; run <= runs; run++) {
    const deliverTimeMs = Date.now() + 500;
    await producer.send({ topic, body: String(deliverTimeMs), deliverTimeMs });
    while (lateMs.length < run) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return Math.max(...lateMs);
}

async function connect(dev: DevProcess): Promise<Producer> {
  const namesrvAddr = await dev.namesrvAddr;
  const producer = new Producer({
    namesrvAddr,
    producerGroup: 'bench-timers',
    sendTimeoutMs: 30_000,
  });
  await producer.start();
  return producer;
}

async function median(runs: number, start: () => Promise<Started>): Promise<Started> {
  const starts: Started[] = [];
  for (let run = 0; run < runs; run++) starts.push(await start());
  const of = (values: number[]): number =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
  return {
    firstAckMs: of(starts.map((each) => each.firstAckMs)),
    residentMb: of(starts.map((each) => each.residentMb)),
  };
}
