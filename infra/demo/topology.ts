import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Admin, MqError } from 'millrace';
import { freePort, preferredPort } from '../free-port.ts';
import type { Session } from '../session.ts';

/** Every topic of the services; on a cluster that was given they may not be created on first use. */
const topics = [
  'ORDER_EVENTS',
  'ORDER_CLOSE_CHECK',
  'RESERVATION_CHECK',
  'PAYMENT_EVENTS',
  'PAYMENT_QUERY',
  'WAREHOUSE_EVENTS',
  'REFUND_EVENTS',
  'REFUND_STEP_RESULTS',
  'NOTIFICATION_EVENTS',
  'FLASH_ORDERS',
  'ORDER_BINLOG',
];

/** A cluster that was given may still be starting. */
const topicTimeoutMs = 30_000;
const isServing = /ready in \d+ ms/;

/** Services stop first, then the broker, then the name server, then the databases (0). */
export const stopOrder = { service: 3, broker: 2, nameServer: 1 } as const;

/** The name server and brokers the demo uses: its own, or somebody's cluster. */
export interface Cluster {
  namesrvAddr: string;
  /** Our own can be killed, by the names of their processes: `broker`, `namesrv`. */
  isOwn: boolean;
}

/**
 * How long a broker of ours takes for what takes its time in production: retries come after seconds, and a transaction that
 * nobody has ended is asked after within two, for people who watch; or as RocketMQ has it.
 */
export type Pace = 'hurried' | 'production';

export async function startCluster(
  session: Session,
  root: string,
  namesrvAddr: string | undefined,
  pace: Pace = 'hurried',
): Promise<Cluster> {
  const cluster =
    namesrvAddr === undefined
      ? await startOwnCluster(session, root, pace)
      : { namesrvAddr, isOwn: false };
  await session.step('topics', async (say) => {
    const names = `${topics.length} topics`;
    say(namesrvAddr === undefined ? names : `${names}, at NAMESRV_ADDR ${namesrvAddr}`);
    await createTopics(cluster.namesrvAddr);
  });
  return cluster;
}

async function startOwnCluster(session: Session, root: string, pace: Pace): Promise<Cluster> {
  const { slot, processes, step } = session;
  const cli = join(root, 'mq', 'dist', 'cli', 'main.js');
  const nameServerPort = await freePort(preferredPort(9876, slot.number));
  const namesrvAddr = `127.0.0.1:${nameServerPort}`;
  await step('name server', async (say) => {
    say(namesrvAddr);
    await processes.start({
      name: 'namesrv',
      command: process.execPath,
      args: [
        cli,
        'nameserver',
        `--listen-port=${nameServerPort}`,
        `--kv-config-path=${join(slot.dir, 'namesrv', 'kvConfig.json')}`,
      ],
      stopOrder: stopOrder.nameServer,
      ready: isServing,
    });
  });
  await step('broker', async (say) => {
    const port = await freePort(preferredPort(10911, slot.number));
    const storeDir = join(slot.dir, 'broker');
    say(`127.0.0.1:${port}, SYNC_FLUSH, store ${relative(process.cwd(), storeDir)}`);
    await processes.start({
      name: 'broker',
      command: process.execPath,
      args: [cli, 'broker', `--config=${writeBrokerConfig(storeDir, port, { namesrvAddr, pace })}`],
      stopOrder: stopOrder.broker,
      ready: isServing,
    });
  });
  return { namesrvAddr, isOwn: true };
}

const hurry = {
  messageDelayLevel: '1s 1s 1s 1s 1s 2s 2s 2s 3s 3s 3s 5s 5s 5s 5s 10s 10s 10s',
  transactionTimeOut: 1_000,
  transactionCheckInterval: 1_000,
};

function writeBrokerConfig(
  storeDir: string,
  port: number,
  { namesrvAddr, pace }: { namesrvAddr: string; pace: Pace },
): string {
  mkdirSync(storeDir, { recursive: true });
  const path = join(storeDir, 'broker.conf');
  const settings = {
    brokerName: 'broker-a',
    listenPort: port,
    namesrvAddr,
    storePathRootDir: join(storeDir, 'store'),
    flushDiskType: 'SYNC_FLUSH',
    ...(pace === 'hurried' ? hurry : {}),
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(path, lines.join(''));
  return path;
}

async function createTopics(namesrvAddr: string): Promise<void> {
  await using admin = new Admin({ namesrvAddr });
  const deadline = performance.now() + topicTimeoutMs;
  for (const topic of topics) {
    // A broker registers a moment after it serves, and a topic's route follows a moment after the topic.
    for (;;) {
      const isOver = performance.now() > deadline;
      const problem = await tryCreateTopic(admin, topic);
      if (problem === undefined) break;
      if (isOver) throw new Error(`${topic} cannot be used at ${namesrvAddr}: ${problem}`);
      await delay(50);
    }
  }
}

/** Undefined when the topic has a route, else why not. */
async function tryCreateTopic(admin: Admin, topic: string): Promise<string | undefined> {
  try {
    await admin.createTopic({ topic, readQueueNums: 4 });
    const route = await admin.topicRoute(topic);
    return route === undefined ? 'it was created and has no route' : undefined;
  } catch (error) {
    if (MqError.is(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
}
