import { systemClock } from '../clock.ts';
import { MqError } from '../errors.ts';
import { Admin, type ConsumedMessage, type Finding } from '../index.ts';
import { silentLogger, type Logger } from '../logger.ts';
import { parseHostPort } from '../protocol/host-address.ts';
import { assertGroupName, assertTopicName, dlqTopic } from '../protocol/names.ts';
import {
  startBroker,
  startDev,
  type Broker,
  type BrokerConfig,
  type BrokerDeps,
  type NameServer,
} from '../server.ts';
import { nodeFiles } from '../store/files.ts';
import { awake } from './awake.ts';
import { backgroundClock } from './background-clock.ts';
import { delayedMessages, type DelayedMessage } from './delayed-messages.ts';
import { Faults } from './faults.ts';
import { lagOf } from './group-progress.ts';
import { GroupWaits, type DrainOptions } from './group-waits.ts';
import { MortalFiles } from './mortal-files.ts';
import { findInTopic, readTopic } from './stored-messages.ts';
import { makeTemporaryDirectory, removeTemporaryDirectory } from './temporary-directory.ts';
import { TestClock } from './test-clock.ts';
import { assertCount, assertTimeout, waitFor, type WaitOptions } from './waiting.ts';

/** Any setting of the broker, by its RocketMQ name, and what only a test needs. Its name server is its own. */
export interface TestBrokerOptions extends Partial<Omit<BrokerConfig, 'namesrvAddr'>> {
  /** Default: silent. */
  logger?: Logger;
  /** How long this object's methods wait for clients, in real time. Default 4000, which is less than Jest's 5 s. */
  timeoutMs?: number;
}

export interface MessagesOptions extends WaitOptions {
  /** Waits until there are so many. Default 0: it does not wait. */
  atLeast?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 4_000;

interface Running {
  readonly broker: Broker;
  readonly files: MortalFiles;
}

/**
 * A name server and a broker in this process, with a clock to move, faults to switch on and a store to look into.
 * Disposing it stops both and deletes the store.
 */
export class TestBroker implements AsyncDisposable {
  /** What a client's `namesrvAddr` option takes. */
  readonly namesrvAddr: string;
  /** The same after a restart. */
  readonly brokerAddr: string;
  /** A directory of its own under the system's temporary directory, unless the options named one. */
  readonly storeDir: string;
  /** The broker's message time. */
  readonly clock: TestClock;
  /** What the broker does wrong. */
  readonly faults: Faults;
  readonly #nameServer: NameServer;
  readonly #config: BrokerConfig;
  readonly #logger: Logger;
  readonly #timeoutMs: number;
  readonly #waits: GroupWaits;
  readonly #isOwnStore: boolean;
  #running: Running | undefined;
  /** Starts and stops, one at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  /** See testBroker. */
  static async start(options: TestBrokerOptions): Promise<TestBroker> {
    const storeDir = options.storePathRootDir ?? (await makeTemporaryDirectory());
    const isOwnStore = options.storePathRootDir === undefined;
    try {
      return await TestBroker.#startIn(storeDir, isOwnStore, options);
    } catch (error) {
      if (isOwnStore) await removeTemporaryDirectory(storeDir);
      throw error;
    }
  }

  static async #startIn(
    storeDir: string,
    isOwnStore: boolean,
    options: TestBrokerOptions,
  ): Promise<TestBroker> {
    const { logger = silentLogger, timeoutMs = DEFAULT_TIMEOUT_MS, ...config } = options;
    assertTimeout(timeoutMs);
    if ('namesrvAddr' in config) {
      throw new MqError(
        'CONFIG_INVALID',
        'a test broker has a name server of its own: leave namesrvAddr out',
      );
    }
    let settled = (): Promise<void> => Promise.resolve();
    const clock = new TestClock({ real: systemClock, settled: () => settled() });
    const faults = new Faults(backgroundClock, timeoutMs);
    const files = new MortalFiles(nodeFiles);
    const { nameServer, broker } = await startDev(
      {
        flushDiskType: 'ASYNC_FLUSH',
        // Tests write little: a disk that is nearly full for a server is not for them.
        diskSpaceWarningLevelRatio: 100,
        cleanFileForciblyEnable: false,
        ...config,
        namesrvPort: 0,
        listenPort: config.listenPort ?? 0,
        storePathRootDir: storeDir,
      },
      brokerDeps(clock, faults, files, logger),
    );
    const started = new TestBroker(
      { nameServer, storeDir, isOwnStore, clock, faults, logger, timeoutMs },
      { broker, files },
    );
    settled = () => started.#settled();
    return started;
  }

  private constructor(
    parts: {
      nameServer: NameServer;
      storeDir: string;
      isOwnStore: boolean;
      clock: TestClock;
      faults: Faults;
      logger: Logger;
      timeoutMs: number;
    },
    running: Running,
  ) {
    this.namesrvAddr = parts.nameServer.address;
    this.brokerAddr = running.broker.address;
    this.storeDir = parts.storeDir;
    this.clock = parts.clock;
    this.faults = parts.faults;
    this.#nameServer = parts.nameServer;
    this.#isOwnStore = parts.isOwnStore;
    this.#logger = parts.logger;
    this.#timeoutMs = parts.timeoutMs;
    this.#running = running;
    const listenPort = parseHostPort(this.brokerAddr).port;
    this.#config = { ...running.broker.config, listenPort };
    this.#waits = new GroupWaits({
      broker: () => this.broker,
      clock: this.clock,
      timeoutMs: this.#timeoutMs,
    });
  }

  /** Errors: SERVICE_NOT_AVAILABLE while it is stopped, and when it is closed. */
  get broker(): Broker {
    if (this.#running !== undefined) return this.#running.broker;
    this.#assertNotClosed();
    throw new MqError(
      'SERVICE_NOT_AVAILABLE',
      'the broker of this test is stopped: restart() starts it again',
    );
  }

  /** Creates a topic, routable when this resolves. */
  async createTopic(topic: string, queueCount = 4): Promise<void> {
    await using admin = new Admin({ namesrvAddr: this.namesrvAddr, logger: this.#logger });
    await admin.createTopic({ topic, readQueueNums: queueCount, writeQueueNums: queueCount });
  }

  /**
   * The messages of all queues of a topic, in the order they were stored; none of a topic that does not exist.
   * Delayed messages are not among them before they are due, half messages not before they are committed.
   *
   * Errors: REQUEST_TIMEOUT when `atLeast` so many do not come.
   */
  async messages(topic: string, options: MessagesOptions = {}): Promise<ConsumedMessage[]> {
    assertTopicName(topic);
    return await this.#found(topic, options, () => readTopic(this.broker, topic));
  }

  /**
   * The messages of a topic that have this key, or this `msgId`, in the order they were stored.
   *
   * Errors: as `messages`.
   */
  async find(
    topic: string,
    key: string,
    options: MessagesOptions = {},
  ): Promise<ConsumedMessage[]> {
    assertTopicName(topic);
    return await this.#found(`${topic} with key ${key}`, options, () =>
      findInTopic(this.broker, topic, key),
    );
  }

  /** The dead letters of a group that `Admin.redriveDlq` has not sent back, in the order they came. Errors: as `messages`. */
  async dlq(group: string, options: MessagesOptions = {}): Promise<ConsumedMessage[]> {
    assertGroupName(group);
    const topic = dlqTopic(group);
    return await this.#found(topic, options, () => {
      const { offsets } = this.broker.context;
      return readTopic(this.broker, topic, (queueId) => offsets.query(group, topic, queueId));
    });
  }

  /** The messages that wait for their time to go to a topic (`%RETRY%group` for retries), the earliest first. */
  async delayed(topic: string): Promise<DelayedMessage[]> {
    assertTopicName(topic);
    return await delayedMessages(this.broker, topic);
  }

  /**
   * How many messages of a topic a consumer group has still to consume, at this moment: its connected consumers are asked.
   * As RocketMQ counts, a queue's messages behind an unfinished one count too, those with tags or properties the group does
   * not want do not, and neither do retries: they are in the topic `%RETRY%group`, which can be asked for as well.
   */
  async lag(group: string, topic: string): Promise<number> {
    assertGroupName(group);
    assertTopicName(topic);
    return await awake(() => lagOf(this.broker, group, topic));
  }

  /**
   * Resolves when the group has gone through all that is in the topic and in its retry topic: each message was
   * consumed, or handed back and waits for its next try.
   *
   * Errors: REQUEST_TIMEOUT saying what is not consumed.
   */
  async consumed(group: string, topic: string, options: WaitOptions = {}): Promise<void> {
    assertGroupName(group);
    assertTopicName(topic);
    await this.#waits.consumed(group, topic, options);
  }

  /**
   * Moves the clock until nothing is left of the topic for the group to do: no message, no delayed message, no retry. The
   * clock stands while consumers work, so every retry is made at its time. Then everything is consumed, or in the DLQ.
   *
   * Errors: REQUEST_TIMEOUT saying what is not consumed, or what waits for longer than `maxAdvance`, a day.
   */
  async drain(group: string, topic: string, options: DrainOptions = {}): Promise<void> {
    assertGroupName(group);
    assertTopicName(topic);
    await this.#waits.drain(group, topic, options);
  }

  /**
   * What the broker has found wrong with how it is used, the one seen last first: consumers of one group that want
   * different things, clients that share a clientId, topics that do not exist, peers that speak another protocol.
   */
  findings(): Finding[] {
    return this.broker.context.findings.list();
  }

  /** Stops the broker in good order. The name server stays. */
  async stop(): Promise<void> {
    await this.#inTurn(() => this.#stop());
  }

  /**
   * Ends the broker as `kill -9` does: connections break without an answer, nothing is saved any more, and the next
   * start recovers the store. What was acknowledged is there then; consumers get again what they had not reported.
   */
  async kill(): Promise<void> {
    await this.#inTurn(() => this.#kill());
  }

  /**
   * Starts the broker again on its store and at its address, after stopping it in good order if it runs. Clients find
   * it by themselves. What fell due meanwhile is delivered when this resolves.
   *
   * Errors: SERVICE_NOT_AVAILABLE when it is closed.
   */
  async restart(): Promise<void> {
    this.#assertNotClosed();
    await this.#inTurn(async () => {
      await this.#stop();
      const files = new MortalFiles(nodeFiles);
      const deps = brokerDeps(this.clock, this.faults, files, this.#logger);
      this.#running = { broker: await startBroker(this.#config, deps), files };
      await this.#settled();
    });
  }

  /** Stops everything and deletes the store, unless the options named its directory. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#inTurn(() => this.#close());
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #found(
    topic: string,
    { atLeast = 0, timeoutMs = this.#timeoutMs }: MessagesOptions,
    read: () => Promise<ConsumedMessage[]>,
  ): Promise<ConsumedMessage[]> {
    assertCount('atLeast', atLeast, 0);
    let found: ConsumedMessage[] = [];
    return await waitFor(
      async () => {
        found = await read();
        return found.length >= atLeast ? found : undefined;
      },
      timeoutMs,
      () => `${topic} has ${found.length} messages, not ${atLeast}`,
    );
  }

  #assertNotClosed(): void {
    if (this.#closing === undefined) return;
    throw new MqError('SERVICE_NOT_AVAILABLE', 'the broker of this test is closed');
  }

  async #close(): Promise<void> {
    this.faults.endAll();
    try {
      await this.#stop();
    } finally {
      await this.#nameServer.close();
      if (this.#isOwnStore) await removeTemporaryDirectory(this.storeDir);
    }
  }

  async #stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    this.faults.letGo();
    await running?.broker.close();
  }

  async #kill(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    const { broker, files } = running;
    files.kill();
    const reason = new MqError('CONNECTION_CLOSED', 'the broker was killed', { retriable: true });
    for (const connection of broker.context.connections()) connection.destroy(reason);
    this.faults.letGo();
    try {
      await broker.close();
    } catch (error) {
      // The parts of a process that is dead: what they could not do nobody misses.
      this.#logger.debug('the killed broker did not close cleanly', { error });
    }
  }

  /** When what is due has been delivered. */
  async #settled(): Promise<void> {
    if (this.#running === undefined) return;
    const { schedule, timers, transactions, popping } = this.#running.broker.context;
    await Promise.all([
      schedule.settled(),
      timers.settled(),
      transactions.settled(),
      popping.pops.settled(),
    ]);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const result = awake(() => this.#turn.then(work));
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

function brokerDeps(
  clock: TestClock,
  faults: Faults,
  files: MortalFiles,
  logger: Logger,
): BrokerDeps {
  const { intercept } = faults;
  return { clock, peerClock: backgroundClock, intercept, files, logger, isBackground: true };
}
