import { existsSync, watch } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '../../infra/seeded-random.ts';
import { until } from '../support/deadline.ts';
import { TestProcess } from '../support/process.ts';

/** Small files, so that kills fall on their borders; short waits, so that a settled store is soon seen to be one. */
const SETTINGS = [
  '--max-message-size=24576',
  '--mapped-file-size-commit-log=65536',
  '--mapped-file-size-consume-queue=4000',
  '--max-hash-slot-num=500',
  '--max-index-num=2000',
  '--message-delay-level=1s 1s 1s 1s 1s',
  '--transaction-check-interval=500',
  '--transaction-time-out=500',
  '--flush-consumer-offset-interval=100',
  '--flush-delay-offset-interval=100',
];

/** What a kill may be aimed at: the next change of such a file; or nothing, at any time. */
/** Every hour is one to delete in, and a segment is old as soon as it is full: the look at the disk is each ten seconds. */
const CLEAN_UP = [
  '--file-reserved-time=0',
  `--delete-when=${Array.from({ length: 24 }, (_, hour) => hour).join(';')}`,
];
/** Some looks long, on a busy machine. */
const LONGEST_CLEAN_UP_MS = 60_000;
/** A look removes ten segments, with a pause behind each. */
const CLEAN_UP_TAKES_MS = 1_200;

const AIMS = {
  'at any time': undefined,
  'at a new segment': { directory: 'commitlog', name: /^\d{20}$/ },
  'at a change of the checkpoint': { directory: '.', name: /^checkpoint/ },
  'at a save of offsets': { directory: 'config', name: /^consumerOffset/ },
  'at a save of topics or delays': {
    directory: 'config',
    name: /^(?:topics|delayOffset|timercheck)/,
  },
  'at a new index file': { directory: 'index', name: /^\d{17}$/ },
} as const;
export type Aim = keyof typeof AIMS;
export const AIM_NAMES = Object.keys(AIMS) as Aim[];

/** A start takes a fraction of a second; on a machine that is busy with other things it may get none of the processors for long. */
const START_TIMEOUT_MS = 120_000;
/** No aim is waited for longer. */
const LONGEST_AIM_MS = 500;

export interface BrokerLivesOptions {
  /** The folder of the clone. */
  root: string;
  directory: string;
  port: number;
  namesrvAddr: string;
}

/** A broker process over one store, which is killed and started again; SYNC_FLUSH and ASYNC_FLUSH take turns. */
export class BrokerLives implements AsyncDisposable {
  readonly address: string;
  readonly #options: BrokerLivesOptions;
  #process: TestProcess | undefined;
  #startCount = 0;
  /** How long the last start took: kills that are to fall into one are drawn from it. */
  #startMs = 300;

  constructor(options: BrokerLivesOptions) {
    this.#options = options;
    this.address = `127.0.0.1:${options.port}`;
  }

  async start(): Promise<void> {
    const startedAt = performance.now();
    this.#process = await this.#launch(/ready in \d+ ms/);
    this.#startMs = performance.now() - startedAt;
  }

  /** Kills a broker while it starts: before it has read anything, in recovery, or when it has just begun to serve. */
  async startAndKill(random: SeededRandom): Promise<void> {
    const killAfterMs = random.next() * this.#startMs * 1.1;
    await using starting = await this.#launch(undefined);
    await Promise.race([delay(killAfterMs), starting.ended]);
    await starting.kill();
  }

  /** Starts a broker that removes what is old, and kills it while it does. Errors: it removes nothing. */
  async startAndKillCleaningUp(random: SeededRandom): Promise<void> {
    const segments = (): Promise<string[]> => readdir(join(this.#options.directory, 'commitlog'));
    await using cleaning = await this.#launch(/ready in \d+ ms/, CLEAN_UP);
    const [first] = (await segments()).toSorted();
    await until(async () => !(await segments()).includes(first!), {
      timeoutMs: LONGEST_CLEAN_UP_MS,
      what: 'the oldest segment is removed',
    });
    await delay(random.below(CLEAN_UP_TAKES_MS));
    await cleaning.kill();
  }

  /** SIGKILL at the moment aimed at, which `onKill` is told of. */
  async kill(aim: Aim, onKill: () => void): Promise<void> {
    const running = this.#running;
    const at = AIMS[aim];
    if (at !== undefined) await nextChange(join(this.#options.directory, at.directory), at.name);
    onKill();
    await running.kill();
    await running[Symbol.asyncDispose]();
    this.#process = undefined;
  }

  /** What it has printed in this life. */
  async log(): Promise<string> {
    return (await this.#process?.log()) ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
  }

  get #running(): TestProcess {
    if (this.#process === undefined) throw new Error('the broker does not run');
    return this.#process;
  }

  #launch(ready: RegExp | undefined, more: readonly string[] = []): Promise<TestProcess> {
    const { root, directory, port, namesrvAddr } = this.#options;
    const flushDiskType = this.#startCount++ % 2 === 0 ? 'SYNC_FLUSH' : 'ASYNC_FLUSH';
    return TestProcess.start({
      args: [
        join(root, 'mq', 'dist', 'cli', 'main.js'),
        'broker',
        `--listen-port=${port}`,
        `--namesrv-addr=${namesrvAddr}`,
        `--store-path-root-dir=${directory}`,
        `--flush-disk-type=${flushDiskType}`,
        ...SETTINGS,
        ...more,
      ],
      ...(ready && { ready, readyTimeoutMs: START_TIMEOUT_MS }),
    });
  }
}

/** Resolves with the next change of a file of that name, as the kernel reports it. */
async function nextChange(directory: string, name: RegExp): Promise<void> {
  if (!existsSync(directory)) return;
  const watching = new AbortController();
  const changed = new Promise<void>((resolve) => {
    watch(directory, { signal: watching.signal }, (_event, file) => {
      if (file !== null && name.test(file)) resolve();
    });
  });
  await Promise.race([changed, delay(LONGEST_AIM_MS, undefined, { signal: watching.signal })]);
  watching.abort();
}
