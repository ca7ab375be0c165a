import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { freePort, preferredPort } from '../free-port.ts';
import type { Session } from '../session.ts';
import { hurriedBroker, type Pace } from './pace.ts';
import { createTopics, topics } from './topics.ts';

const isServing = /ready in \d+ ms/;

/** Services stop first, then the broker, then the name server, then the databases (0). */
export const stopOrder = { service: 3, broker: 2, nameServer: 1 } as const;

/** The name server and brokers the demo uses: its own, or somebody's cluster. */
export interface Cluster {
  namesrvAddr: string;
  /** Our own can be killed, by the names of their processes: `broker`, `namesrv`. */
  isOwn: boolean;
}

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
  const nameServerPort = await freePort(preferredPort(9876, slot.number), 'the name server');
  const namesrvAddr = `127.0.0.1:${nameServerPort}`;
  await step('name server', async (say) => {
    say(namesrvAddr);
    await processes.start({
      name: 'namesrv',
      command: process.execPath,
      args: [
        cli,
        '--log-format=json',
        'nameserver',
        `--listen-port=${nameServerPort}`,
        `--kv-config-path=${join(slot.dir, 'namesrv', 'kvConfig.json')}`,
        '--metrics-exporter-type=PROM',
        `--metrics-prom-exporter-port=${await freePort(preferredPort(5556, slot.number), 'the figures of the name server')}`,
      ],
      stopOrder: stopOrder.nameServer,
      ready: isServing,
    });
  });
  await step('broker', async (say) => {
    const port = await freePort(preferredPort(10911, slot.number), 'the broker');
    const metricsPort = await freePort(
      preferredPort(5557, slot.number),
      'the figures of the broker',
    );
    const storeDir = join(slot.dir, 'broker');
    say(`127.0.0.1:${port}, SYNC_FLUSH, store ${relative(process.cwd(), storeDir)}`);
    await processes.start({
      name: 'broker',
      command: process.execPath,
      args: [
        cli,
        '--log-format=json',
        'broker',
        `--config=${writeBrokerConfig(storeDir, { listenPort: port, metricsPort, namesrvAddr, pace })}`,
      ],
      stopOrder: stopOrder.broker,
      ready: isServing,
      // Started again after it was killed, it reads its log first.
      readyTimeoutMs: 120_000,
    });
  });
  return { namesrvAddr, isOwn: true };
}

interface BrokerPlace {
  listenPort: number;
  metricsPort: number;
  namesrvAddr: string;
  pace: Pace;
}

function writeBrokerConfig(
  storeDir: string,
  { listenPort, metricsPort, namesrvAddr, pace }: BrokerPlace,
): string {
  mkdirSync(storeDir, { recursive: true });
  const path = join(storeDir, 'broker.conf');
  const settings = {
    brokerName: 'broker-a',
    listenPort,
    metricsExporterType: 'PROM',
    metricsPromExporterPort: metricsPort,
    namesrvAddr,
    storePathRootDir: join(storeDir, 'store'),
    flushDiskType: 'SYNC_FLUSH',
    ...(pace === 'hurried' ? hurriedBroker : {}),
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(path, lines.join(''));
  return path;
}
