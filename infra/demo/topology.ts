import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Admin, MqError } from 'millrace';
import { schemas } from '../audit.ts';
import type { Databases } from '../databases/databases.ts';
import { freePort, preferredPort } from '../free-port.ts';
import type { ProcessOptions, RunningProcess } from '../processes.ts';
import type { Session } from '../session.ts';

export const orderTopic = 'ORDER_EVENTS';

/** A cluster that was given may still be starting. */
const topicTimeoutMs = 30_000;
const isServing = /ready in \d+ ms/;

/** Services stop first, then the broker, then the name server, then the databases (0). */
const stopOrder = { service: 3, broker: 2, nameServer: 1 } as const;

/** Where each service prefers to listen in run-1; a taken port is replaced by a free one. */
const servicePorts = { order: 3001, coupon: 3002, push: 3003 } as const;
type ServiceName = keyof typeof servicePorts;

export type ServiceUrls = Readonly<Record<ServiceName, string>>;

/** The name server and broker the demo uses: its own, which can be killed, or somebody's cluster. */
export interface Cluster {
  namesrvAddr: string;
  broker: OwnBroker | undefined;
}

export class OwnBroker {
  readonly #session: Session;
  readonly #options: ProcessOptions;
  #process: RunningProcess | undefined;

  constructor(session: Session, options: ProcessOptions) {
    this.#session = session;
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#process = await this.#session.processes.start(this.#options);
  }

  /** SIGKILL: it has no time to write, flush, or say goodbye. Returns when it is gone. */
  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#process?.exited;
  }
}

export async function startCluster(
  session: Session,
  root: string,
  namesrvAddr: string | undefined,
): Promise<Cluster> {
  const cluster =
    namesrvAddr === undefined
      ? await startOwnCluster(session, root)
      : { namesrvAddr, broker: undefined };
  await session.step('topic', async (say) => {
    say(namesrvAddr === undefined ? orderTopic : `${orderTopic}, at NAMESRV_ADDR ${namesrvAddr}`);
    await createTopic(cluster.namesrvAddr);
  });
  return cluster;
}

async function startOwnCluster(session: Session, root: string): Promise<Cluster> {
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
  const broker = await step('broker', async (say) => {
    const port = await freePort(preferredPort(10911, slot.number));
    const storeDir = join(slot.dir, 'broker');
    say(`127.0.0.1:${port}, SYNC_FLUSH, store ${relative(process.cwd(), storeDir)}`);
    const own = new OwnBroker(session, {
      name: 'broker',
      command: process.execPath,
      args: [cli, 'broker', `--config=${writeBrokerConfig(storeDir, port, namesrvAddr)}`],
      stopOrder: stopOrder.broker,
      ready: isServing,
    });
    await own.start();
    return own;
  });
  return { namesrvAddr, broker };
}

function writeBrokerConfig(storeDir: string, port: number, namesrvAddr: string): string {
  mkdirSync(storeDir, { recursive: true });
  const path = join(storeDir, 'broker.conf');
  const settings = {
    brokerName: 'broker-a',
    listenPort: port,
    namesrvAddr,
    storePathRootDir: join(storeDir, 'store'),
    flushDiskType: 'SYNC_FLUSH',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(path, lines.join(''));
  return path;
}

async function createTopic(namesrvAddr: string): Promise<void> {
  const admin = new Admin({ namesrvAddr });
  const deadline = performance.now() + topicTimeoutMs;
  try {
    // A broker registers a moment after it serves, and a topic's route follows a moment after the topic.
    for (;;) {
      const isOver = performance.now() > deadline;
      const problem = await tryCreateTopic(admin);
      if (problem === undefined) return;
      if (isOver) throw new Error(`${orderTopic} cannot be used at ${namesrvAddr}: ${problem}`);
      await delay(50);
    }
  } finally {
    await admin.shutdown();
  }
}

/** Undefined when the topic has a route, else why not. */
async function tryCreateTopic(admin: Admin): Promise<string | undefined> {
  try {
    await admin.createTopic({ topic: orderTopic, readQueueNums: 4 });
    const route = await admin.topicRoute(orderTopic);
    return route === undefined ? 'it was created and has no route' : undefined;
  } catch (error) {
    if (MqError.is(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
}

export async function startServices(
  session: Session,
  root: string,
  namesrvAddr: string,
  databases: Databases,
): Promise<ServiceUrls> {
  const start = (name: ServiceName): Promise<string> =>
    session.step(name, async (say) => {
      const port = await freePort(preferredPort(servicePorts[name], session.slot.number));
      const url = `http://127.0.0.1:${port}`;
      say(url);
      await session.processes.start({
        name,
        command: process.execPath,
        args: [join(root, 'services', 'dist', name, 'main.js')],
        env: {
          HOST: '127.0.0.1',
          PORT: String(port),
          DATABASE_URL: databases.databaseUrl,
          DATABASE_SCHEMA: schemas[name],
          REDIS_URL: databases.redisUrl,
          NAMESRV_ADDR: namesrvAddr,
        },
        stopOrder: stopOrder.service,
        stopTimeoutMs: 15_000,
        ready: () => isReady(`${url}/health/ready`),
        readyTimeoutMs: 60_000,
      });
      return url;
    });
  const [order, coupon, push] = await Promise.all([start('order'), start('coupon'), start('push')]);
  return { order, coupon, push };
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.text();
    return response.ok;
  } catch {
    // Not listening yet; the deadline is the caller's.
    return false;
  }
}
