import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admin } from '../../../mq/index.ts';
import { until } from '../../support/deadline.ts';
import { quickStart } from './peer-kinds.ts';
import { javaClasspath, javaVersions } from './toolchain.ts';

/** Apache RocketMQ's own name server and broker (newest 5.x), on free ports, in a temporary directory. */
export interface OfficialCluster extends AsyncDisposable {
  readonly namesrvAddr: string;
  readonly brokerAddr: string;
  createTopic(topic: string, queueCount: number): Promise<void>;
}

const startTimeoutMs = 90_000;

/** `settings` are lines of broker.conf, by their RocketMQ names. */
export async function startOfficialCluster(
  settings: Readonly<Record<string, string | number | boolean>> = {},
): Promise<OfficialCluster> {
  const classpath = await javaClasspath(javaVersions.newest5);
  const home = await mkdtemp(join(tmpdir(), 'rocketmq-'));
  await mkdir(join(home, 'conf'));
  const children: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const child of children.toReversed()) await terminate(child);
    await rm(home, { recursive: true, force: true });
  };
  try {
    const namesrvPort = await freePort();
    const namesrvAddr = `127.0.0.1:${namesrvPort}`;
    const namesrvConf = join(home, 'conf', 'namesrv.conf');
    await writeFile(namesrvConf, `listenPort=${namesrvPort}\nrocketmqHome=${home}\n`);
    children.push(java(home, classpath, '128m', 'namesrv.NamesrvStartup', namesrvConf));
    await listening(children.at(-1)!, namesrvPort, home);

    // The broker also takes listenPort - 2 and haListenPort.
    const brokerPort = await freePort();
    const brokerConf = join(home, 'conf', 'broker.conf');
    await writeFile(
      brokerConf,
      [
        `listenPort=${brokerPort}`,
        `haListenPort=${await freePort()}`,
        `namesrvAddr=${namesrvAddr}`,
        'brokerIP1=127.0.0.1',
        'brokerName=broker-a',
        'brokerClusterName=DefaultCluster',
        `storePathRootDir=${join(home, 'store')}`,
        `storePathCommitLog=${join(home, 'store', 'commitlog')}`,
        'mappedFileSizeCommitLog=67108864',
        'maxIndexNum=400000',
        'maxHashSlotNum=100000',
        'autoCreateTopicEnable=true',
        'flushDiskType=ASYNC_FLUSH',
        ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
        '',
      ].join('\n'),
    );
    children.push(java(home, classpath, '512m', 'broker.BrokerStartup', brokerConf));
    await listening(children.at(-1)!, brokerPort, home);
    const admin = new Admin({ namesrvAddr });
    await admin.start();
    const brokerAddr = `127.0.0.1:${brokerPort}`;
    await until(async () => (await admin.clusterInfo()).brokerAddrTable.has('broker-a'), {
      timeoutMs: startTimeoutMs,
      what: 'the registration of the official broker',
    });
    return {
      namesrvAddr,
      brokerAddr,
      async createTopic(topic, queueCount) {
        await admin.createTopic({ topic, readQueueNums: queueCount, writeQueueNums: queueCount });
      },
      async [Symbol.asyncDispose]() {
        await admin.shutdown();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function java(
  home: string,
  classpath: string,
  heap: string,
  main: string,
  conf: string,
): ChildProcess {
  const child = spawn(
    'java',
    [
      `-Xms${heap}`,
      `-Xmx${heap}`,
      ...quickStart,
      `-Duser.home=${home}`,
      `-Drocketmq.home.dir=${home}`,
      '-XX:MaxDirectMemorySize=512m',
      '--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED',
      '--add-opens=java.base/sun.nio.ch=ALL-UNNAMED',
      '--add-opens=java.base/java.nio=ALL-UNNAMED',
      '-cp',
      classpath,
      `org.apache.rocketmq.${main}`,
      '-c',
      conf,
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ROCKETMQ_HOME: home, NAMESRV_ADDR: '' },
    },
  );
  const log = createWriteStream(join(home, `${main}.log`));
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  return child;
}

async function listening(child: ChildProcess, port: number, home: string): Promise<void> {
  await until(
    () => {
      if (child.exitCode !== null) {
        throw new Error(`official server ended with ${child.exitCode}; its log is in ${home}`);
      }
      return canConnect(port);
    },
    { timeoutMs: startTimeoutMs },
  );
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function terminate(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  // Everything it wrote is thrown away with its directory, so it need not stop gracefully.
  child.kill('SIGKILL');
  await closed;
}
