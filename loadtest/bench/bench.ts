import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admin } from 'millrace';
import type { BrokerKind, BrokerName, BrokerUnderTest } from './broker-under-test.ts';
import type { BenchOptions, FlushMode } from './command-line.ts';
import { figuresOfSlices, type CaseFigures, type LoadFigures } from './figures.ts';
import { LoadProcess } from './generator/load-process.ts';
import type { Job, JobResult } from './generator/messages.ts';

/** After a change of load: until queues, garbage collection and compiled code are those of this load. */
export const WARM_UP_MS = 500;

/** What all measures share: who is measured, for how long, with which generator, and who is told. */
export interface Bench extends Pick<BenchOptions, 'secondsEach' | 'runs' | 'flush' | 'match'> {
  readonly kinds: readonly BrokerKind[];
  readonly load: LoadProcess;
  readonly say: (line: string) => void;
}

/** Brokers of all kinds, each on an empty store on the same disk. */
export class Brokers implements AsyncDisposable {
  readonly #running: BrokerUnderTest[] = [];
  readonly #directories: string[] = [];

  static async start({ kinds }: Pick<Bench, 'kinds'>, flush: FlushMode): Promise<Brokers> {
    const brokers = new Brokers();
    try {
      for (const kind of kinds) {
        const storeDirectory = await mkdtemp(join(tmpdir(), `bench-${kind.name}-`));
        brokers.#directories.push(storeDirectory);
        brokers.#running.push(await kind.start({ storeDirectory, flush }));
      }
      return brokers;
    } catch (error) {
      await brokers[Symbol.asyncDispose]();
      throw error;
    }
  }

  get all(): readonly BrokerUnderTest[] {
    return this.#running;
  }

  async createTopic(topic: string, queueCount: number): Promise<void> {
    for (const { namesrvAddr } of this.#running) {
      await using admin = new Admin({ namesrvAddr });
      await admin.start();
      await admin.createTopic({ topic, readQueueNums: queueCount, writeQueueNums: queueCount });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const broker of this.#running) await broker[Symbol.asyncDispose]();
    for (const each of this.#directories) await rm(each, { recursive: true, force: true });
  }
}

/**
 * Runs one load on each broker. With two, in turn and twice each: what else the machine does meanwhile then hits both
 * alike.
 */
export async function measureCase(
  { load, secondsEach, say }: Pick<Bench, 'load' | 'secondsEach' | 'say'>,
  brokers: Brokers,
  name: string,
  jobOn: (broker: BrokerUnderTest, measureMs: number) => Job,
): Promise<CaseFigures> {
  const sliceCount = brokers.all.length > 1 ? 2 : 1;
  const slices = new Map<BrokerName, JobResult[]>();
  for (let slice = 0; slice < sliceCount; slice += 1) {
    for (const broker of brokers.all) {
      const result = await load.run(jobOn(broker, (secondsEach * 1_000) / sliceCount));
      slices.set(broker.name, [...(slices.get(broker.name) ?? []), result]);
    }
  }
  const figures = [...slices].map(
    ([broker, results]) => [broker, figuresOfSlices(results)] as const,
  );
  for (const [broker, each] of figures) say(lineOf(name, broker, each));
  return { name, brokers: Object.fromEntries(figures) };
}

/** `send async 1KiB 256 in flight  millrace   91,202/s  p50  2.71  p99  4.02 ms  broker  9.8 s/M 0.91 cores …`. */
function lineOf(name: string, broker: BrokerName, figures: LoadFigures): string {
  const refused = figures.refused === 0 ? '' : `, ${figures.refused} refused`;
  return (
    `  ${name.padEnd(34)} ${broker.padEnd(8)} ${figures.messages_per_s.toLocaleString('en').padStart(11)}/s` +
    `  p50 ${figures.p50_ms.toFixed(2).padStart(7)}  p99 ${figures.p99_ms.toFixed(2).padStart(8)} ms` +
    `  broker ${figures.broker_cpu_s_per_million.toFixed(1).padStart(6)} CPU s/M, ${figures.broker_cores.toFixed(2)} cores` +
    `, ${figures.rss_mb.toFixed(0)} MB; generator ${figures.generator_cores.toFixed(2)} cores${refused}`
  );
}
