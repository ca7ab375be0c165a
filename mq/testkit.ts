/** An in-process broker for other people's tests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admin } from './index.ts';
import { silentLogger, type Logger } from './logger.ts';
import { startDev, type Broker, type BrokerConfig } from './server.ts';

/** Any setting of the broker, by its RocketMQ name. */
export interface TestBrokerOptions extends Partial<BrokerConfig> {
  /** Default: silent. */
  logger?: Logger;
}

/** A running name server and broker; disposing it stops both and deletes the store. */
export interface TestBroker extends AsyncDisposable {
  /** What a client's `namesrvAddr` option takes. */
  readonly namesrvAddr: string;
  readonly brokerAddr: string;
  readonly broker: Broker;
  /** A directory of its own under the system's temporary directory, unless the options named one. */
  readonly storeDir: string;
  /** Creates a topic, routable when this resolves. */
  createTopic(topic: string, queueCount?: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a name server and a broker in this process, on free ports, with a store in a temporary directory.
 *
 *     await using mq = await testBroker();
 *     await using producer = new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'test' });
 *
 * Topics are created when first used. The default is ASYNC_FLUSH: a test does not survive a power cut.
 */
export async function testBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const { logger = silentLogger, storePathRootDir, ...config } = options;
  const storeDir = storePathRootDir ?? (await mkdtemp(join(tmpdir(), 'millrace-')));
  const removeStore = async (): Promise<void> => {
    // A directory the caller named is the caller's: a test of restarts opens it again.
    if (storePathRootDir === undefined) await rm(storeDir, { recursive: true, force: true });
  };
  const servers = await startDev(
    {
      flushDiskType: 'ASYNC_FLUSH',
      ...config,
      namesrvPort: 0,
      listenPort: config.listenPort ?? 0,
      storePathRootDir: storeDir,
    },
    { logger },
  ).catch(async (error: unknown) => {
    await removeStore();
    throw error;
  });
  const close = async (): Promise<void> => {
    try {
      await servers.close();
    } finally {
      await removeStore();
    }
  };
  return {
    namesrvAddr: servers.namesrvAddr,
    brokerAddr: servers.brokerAddr,
    broker: servers.broker,
    storeDir,
    async createTopic(topic, queueCount = 4) {
      await using admin = new Admin({ namesrvAddr: servers.namesrvAddr, logger });
      await admin.start();
      await admin.createTopic({ topic, readQueueNums: queueCount, writeQueueNums: queueCount });
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
