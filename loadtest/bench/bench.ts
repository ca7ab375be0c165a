import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admin } from 'millrace';
import type { BrokerKind, BrokerName, BrokerUnderTest } from './broker-under-test.ts';
import type { BenchOptions, FlushMode } from './command-line.ts';
import { figuresOfSlices, latenciesOf, type CaseFigures } from './figures.ts';
import type { LoadProcess } from './generator/load-process.ts';
import type { FillJob, Job, JobResult } from './generator/messages.ts';
import { topicsOf, type SendShape } from './generator/send-ring.ts';
import type { JavaClients } from './java-clients.ts';
import { lineOf } from './text.ts';

/** After a change of load: until queues, garbage collection and compiled code are those of this load. */
export const WARM_UP_MS = 400;
/** Stored before the first load. Java compiles what it has run often enough, so it is told in messages and not in seconds. */
const WARM_UP_MESSAGES = { millrace: 20_000, rocketmq: 100_000 } as const;

/** What all measures share: who is measured, for how long, with which generator, and who is told. */
export interface Bench extends Pick<
  BenchOptions,
  'secondsEach' | 'runs' | 'flush' | 'match' | 'storeGb'
> {
  readonly kinds: readonly BrokerKind[];
  readonly load: LoadProcess;
  /** Apache RocketMQ's own benchmark clients, where it is measured, too. */
  readonly java: JavaClients | undefined;
  readonly say: (line: string) => void;
}

/** What is measured of each broker, and what it is called. */
export interface Case extends Pick<CaseFigures, 'measure' | 'name' | 'headline'> {
  readonly jobOn: (broker: BrokerUnderTest, window: { warmUpMs: number; measureMs: number }) => Job;
}

/** Brokers of all kinds, each on an empty store on the same disk. */
export class Brokers implements AsyncDisposable {
  readonly #bench: Bench;
  readonly #running: BrokerUnderTest[] = [];
  readonly #directories: string[] = [];

  static async start(bench: Bench, flush: FlushMode): Promise<Brokers> {
    const brokers = new Brokers(bench);
    try {
      for (const kind of bench.kinds) {
        const storeDirectory = await mkdtemp(join(tmpdir(), `bench-${kind.name}-`));
        brokers.#directories.push(storeDirectory);
        brokers.#running.push(await kind.start({ storeDirectory, flush }));
      }
      await brokers.#warmUp();
      return brokers;
    } catch (error) {
      await brokers[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(bench: Bench) {
    this.#bench = bench;
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

  /** Stores so many messages in each broker. */
  async store(shape: SendShape, messages: number): Promise<void> {
    for (const broker of this.#running) {
      const result = await this.#bench.load.run(fillOf(broker, shape, messages));
      const perS = Math.round((messages * 1_000) / result.elapsedMs);
      this.#bench.say(
        `  ${broker.name} stored ${messages.toLocaleString('en')} messages of ${shape.bodyBytes} B` +
          ` in ${(topicsOf(shape).length * shape.queueCount).toLocaleString('en')} queues, ${perS.toLocaleString('en')} a second`,
      );
    }
  }

  /**
   * Runs one load on each broker. With two, in turn and twice each: what else the machine does meanwhile then hits both
   * alike.
   */
  async measure({ measure, name, headline, jobOn }: Case): Promise<CaseFigures> {
    const { load, secondsEach, say } = this.#bench;
    const sliceCount = this.#running.length > 1 ? 2 : 1;
    const measureMs = (secondsEach * 1_000) / sliceCount;
    const slices = new Map<BrokerName, JobResult[]>();
    for (let slice = 0; slice < sliceCount; slice += 1) {
      for (const broker of this.#running) {
        const result = await load.run(jobOn(broker, { warmUpMs: WARM_UP_MS, measureMs }));
        slices.set(broker.name, [...(slices.get(broker.name) ?? []), result]);
      }
    }
    const perBroker = <T>(
      of: (results: readonly JobResult[]) => T,
    ): Partial<Record<BrokerName, T>> =>
      Object.fromEntries([...slices].map(([broker, results]) => [broker, of(results)]));
    const figures = {
      measure,
      name,
      headline,
      brokers: perBroker(figuresOfSlices),
      distributions: perBroker((results) => latenciesOf(results.map((each) => each.latencies))),
    };
    for (const line of lineOf(figures)) say(line);
    return figures;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const broker of this.#running) await broker[Symbol.asyncDispose]();
    for (const each of this.#directories) await rm(each, { recursive: true, force: true });
  }

  async #warmUp(): Promise<void> {
    const shape = { topic: 'BenchWarmUp', queueCount: 4, bodyBytes: 1_024, batchCount: 1 };
    await this.createTopic(shape.topic, shape.queueCount);
    for (const { name, address, pid } of this.#running) {
      await this.#bench.load.run({
        kind: 'fill',
        broker: address,
        brokerPid: pid,
        shape,
        connections: 4,
        inFlight: 16,
        messages: WARM_UP_MESSAGES[name],
      });
    }
  }
}

/** In batches of up to 64 KiB, for a fill is not what is measured. */
export function fillOf(broker: BrokerUnderTest, shape: SendShape, messages: number): FillJob {
  const batchCount = Math.max(1, Math.min(32, Math.floor(65_536 / shape.bodyBytes)));
  return {
    kind: 'fill',
    broker: broker.address,
    brokerPid: broker.pid,
    shape: { ...shape, batchCount },
    connections: 1,
    inFlight: 16,
    messages,
  };
}
