import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../infra/free-port.ts';
import { SeededRandom } from '../../infra/seeded-random.ts';
import { clientSettings } from '../../mq/client/client-options.ts';
import { MqClient } from '../../mq/client/mq-client.ts';
import { Admin } from '../../mq/index.ts';
import { startNameServer } from '../../mq/server.ts';
import { until } from '../support/deadline.ts';
import { AIM_NAMES, BrokerLives } from './broker-lives.ts';
import { Readers } from './readers.ts';
import { ORDERED, PLAIN, Sends } from './sends.ts';
import { StoredQueues } from './stored-queues.ts';
import { TIMED, Timers } from './timers.ts';
import { Transactions, TX } from './transactions.ts';

/** How many messages are acknowledged before a kill is aimed; on a machine that is busy otherwise, what comes in that time. */
const ACKNOWLEDGED_BEFORE_A_KILL = { least: 20, spread: 800 };
const QUIET_BEFORE_A_KILL = { least: 5, spread: 40 };
const LONGEST_LOAD_MS = 4_000;
/** With one sender only: a store that lost its last record would be seen at once. */
const CHANCE_OF_QUIET = 0.2;
const CHANCE_OF_KILL_AT_START = 0.3;
/** After so many kills the broker is left alone until every promise is kept. */
const CYCLES_TO_A_REST = 10;
/** After the second of so many rests old messages are removed, which takes ten seconds to begin. */
const RESTS_TO_A_CLEAN_UP = 5;
/** Longer than every wait of the broker and the clients that is left when the load has ended. */
const REST_TIMEOUT_MS = 60_000;

export interface CrashCounts {
  cycles: number;
  killsAtStart: number;
  rests: number;
  cleanUps: number;
  acknowledged: number;
  committed: number;
  timers: number;
}

export function noCounts(): CrashCounts {
  return {
    cycles: 0,
    killsAtStart: 0,
    rests: 0,
    cleanUps: 0,
    acknowledged: 0,
    committed: 0,
    timers: 0,
  };
}

/**
 * One store and its clients, through a number of kills.
 *
 * After each start: every message acknowledged in the last cycles is once at its place, with its body; what one sender
 * sent lies in order; no group is ahead of what it was given; nothing is visible that was not committed, nothing
 * delivered before its time. When the broker is left alone: everything committed is visible, every timer delivered, every
 * message given to its groups.
 */
export class CrashRun implements AsyncDisposable {
  readonly counts = noCounts();
  /** What was going on, for a failure's message. */
  doing = 'starting';
  readonly #random: SeededRandom;
  readonly directory: string;
  readonly #broker: BrokerLives;
  readonly #stored: StoredQueues;
  readonly #sends: Sends;
  readonly #transactions: Transactions;
  readonly #timers: Timers;
  readonly #readers: Readers;
  readonly #closing: readonly (() => Promise<void>)[];
  /** The store stays for whoever looks into a failure. */
  #isKept = false;

  /** `state` is a folder for the store. */
  static async start(root: string, state: string, seed: number): Promise<CrashRun> {
    const directory = join(state, `crash-store-${seed}`);
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true });
    const nameServer = await startNameServer({ listenPort: 0, kvConfigPath: '' });
    const namesrvAddr = nameServer.address;
    const broker = new BrokerLives({ root, directory, port: await freePort(), namesrvAddr });
    const run = new CrashRun(seed, directory, broker, namesrvAddr, () => nameServer.close());
    try {
      await broker.start();
      await run.#createTopics();
      return run;
    } catch (error) {
      await run[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(
    seed: number,
    directory: string,
    broker: BrokerLives,
    namesrvAddr: string,
    closeNameServer: () => Promise<void>,
  ) {
    this.#random = new SeededRandom(seed);
    this.directory = directory;
    this.#broker = broker;
    const admin = new Admin({ namesrvAddr });
    const client = new MqClient(clientSettings({ namesrvAddr }));
    this.#stored = new StoredQueues(admin, client, broker.address);
    this.#sends = new Sends(namesrvAddr, this.#random);
    this.#transactions = new Transactions(namesrvAddr, this.#random);
    this.#timers = new Timers(namesrvAddr, this.#random);
    this.#readers = new Readers(namesrvAddr, admin);
    this.#admin = admin;
    this.#closing = [
      () => this.#readers.shutdown(),
      () => this.#timers.shutdown(),
      () => this.#transactions.shutdown(),
      () => this.#sends.shutdown(),
      () => client.close(),
      () => admin.shutdown(),
      () => broker[Symbol.asyncDispose](),
      closeNameServer,
    ];
  }

  readonly #admin: Admin;

  async #createTopics(): Promise<void> {
    await until(async () => (await this.#admin.clusterInfo()).brokerAddrTable.size === 1);
    for (const { topic, queueCount } of [PLAIN, ORDERED, TX, TIMED]) {
      await this.#admin.createTopic({
        topic,
        readQueueNums: queueCount,
        writeQueueNums: queueCount,
      });
    }
    await this.#readers.start();
  }

  /** Load, kill, start, compare. Errors: what is wrong, the first lines of it; the store is kept then. */
  async cycle(): Promise<void> {
    this.#isKept = true;
    await this.#cycle();
    this.#isKept = false;
  }

  async #cycle(): Promise<void> {
    const random = this.#random;
    const broker = this.#broker;
    this.doing = 'load';
    await this.#sends.begin(this.#stored);
    let isKilled = false;
    const isQuiet = random.chance(CHANCE_OF_QUIET);
    const isOver = (): boolean => isKilled;
    const loads = isQuiet
      ? this.#sends.quietLoad(isOver)
      : [this.#sends, this.#transactions, this.#timers].flatMap((load) => load.load(isOver));
    await this.#untilAcknowledged(isQuiet ? QUIET_BEFORE_A_KILL : ACKNOWLEDGED_BEFORE_A_KILL);
    const aim = isQuiet ? 'at any time' : AIM_NAMES[random.below(AIM_NAMES.length)]!;
    this.doing = `killed ${aim}`;
    await broker.kill(aim, () => {
      isKilled = true;
    });
    await Promise.all(loads);
    while (random.chance(CHANCE_OF_KILL_AT_START)) {
      this.counts.killsAtStart++;
      this.doing += ', again while starting';
      await broker.startAndKill(random);
    }
    await broker.start();
    await this.#compare();
    this.counts.cycles++;
    if (this.counts.cycles % CYCLES_TO_A_REST === 0) {
      await this.#rest();
      if (this.counts.rests % RESTS_TO_A_CLEAN_UP === 2) await this.#cleanUp();
    }
    this.counts.acknowledged = this.#sends.acknowledgedCount;
    this.counts.committed = this.#transactions.committedCount;
    this.counts.timers = this.#timers.deliveredCount;
  }

  async #untilAcknowledged({ least, spread }: { least: number; spread: number }): Promise<void> {
    const target = this.#sends.acknowledgedCount + least + this.#random.below(spread);
    const deadline = performance.now() + LONGEST_LOAD_MS;
    while (this.#sends.acknowledgedCount < target && performance.now() < deadline) await delay(2);
  }

  /** Without a load and without a kill every promise is kept after a while. Errors: as cycle. */
  async rest(): Promise<void> {
    this.#isKept = true;
    await this.#rest();
    this.#isKept = false;
  }

  async #rest(): Promise<void> {
    this.doing = 'at rest';
    let unkept: string[] = [];
    const isKept = async (): Promise<boolean> => {
      await this.#compare();
      unkept = [
        ...this.#transactions.unkept(),
        ...this.#timers.unkept(),
        ...(await this.#readers.behind(this.#stored)),
      ];
      return unkept.length === 0;
    };
    const deadline = performance.now() + REST_TIMEOUT_MS;
    while (!(await isKept())) {
      if (performance.now() > deadline) await this.#fail(unkept);
      await delay(100);
    }
    this.#transactions.settle();
    this.#timers.settle();
    this.counts.rests++;
  }

  /** Kills the broker at rest, and again while it removes old messages: what is left is whole. */
  async #cleanUp(): Promise<void> {
    this.doing = 'removing old messages';
    await this.#broker.kill('at any time', () => undefined);
    await this.#broker.startAndKillCleaningUp(this.#random);
    await this.#broker.start();
    const wrong = await this.#sends.wrongAfterCleanUp(this.#stored);
    if (wrong.length > 0) await this.#fail(wrong);
    await this.#compare();
    this.counts.cleanUps++;
  }

  async #compare(): Promise<void> {
    const wrong = [
      ...(await this.#sends.wrong(this.#stored)),
      ...(await this.#transactions.wrong(this.#stored)),
      ...(await this.#timers.wrong(this.#stored)),
      ...(await this.#readers.wrong()),
    ];
    if (wrong.length > 0) await this.#fail(wrong);
  }

  async #fail(wrong: readonly string[]): Promise<never> {
    const log = (await this.#broker.log()).split('\n').slice(-15).join('\n    ');
    throw new Error(
      `${wrong.length} things are wrong:\n    ${wrong.slice(0, 10).join('\n    ')}\n` +
        `  the broker said at last\n    ${log}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closing) await close();
    if (!this.#isKept) await rm(this.directory, { recursive: true, force: true });
  }
}
