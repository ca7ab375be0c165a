import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Admin, MqError } from 'millrace';
import { freePort } from '../free-port.ts';

export interface OfficialServersOptions {
  readonly classpath: string;
  /** Configuration, logs and the store go here. */
  readonly home: string;
  /** Of the broker's JVM: heap and the like. */
  readonly brokerJvmFlags: readonly string[];
  /** Lines of broker.conf, by their RocketMQ names. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
}

/** For a JVM that lives for minutes on a machine it shares: no time and no threads for what pays off in hours. */
export const quickStart = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'] as const;

const BROKER_NAME = 'broker-a';
const startTimeoutMs = 90_000;
const pollMs = 50;

/** Apache RocketMQ's own name server and broker on free ports. Whoever starts them removes `home`. */
export class OfficialServers implements AsyncDisposable {
  readonly namesrvAddr: string;
  readonly brokerAddr: string;
  readonly brokerPid: number;
  readonly #children: readonly ChildProcess[];

  /** Settles when the broker serves and the name server knows it. */
  static async start(options: OfficialServersOptions): Promise<OfficialServers> {
    const { home } = options;
    const children: ChildProcess[] = [];
    await mkdir(join(home, 'conf'), { recursive: true });
    try {
      const namesrvPort = await freePort();
      const namesrvConf = join(home, 'conf', 'namesrv.conf');
      await writeFile(namesrvConf, `listenPort=${namesrvPort}\nrocketmqHome=${home}\n`);
      const namesrvFlags = ['-Xms128m', '-Xmx128m', ...quickStart];
      children.push(java(options, namesrvFlags, 'namesrv.NamesrvStartup', namesrvConf));
      await listening(children.at(-1)!, namesrvPort, home);

      const namesrvAddr = `127.0.0.1:${namesrvPort}`;
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
          `brokerName=${BROKER_NAME}`,
          'brokerClusterName=DefaultCluster',
          `storePathRootDir=${join(home, 'store')}`,
          `storePathCommitLog=${join(home, 'store', 'commitlog')}`,
          'autoCreateTopicEnable=true',
          ...Object.entries(options.settings).map(([name, value]) => `${name}=${value}`),
          '',
        ].join('\n'),
      );
      const broker = java(options, options.brokerJvmFlags, 'broker.BrokerStartup', brokerConf);
      children.push(broker);
      await listening(broker, brokerPort, home);
      await registered(namesrvAddr);
      return new OfficialServers(namesrvAddr, `127.0.0.1:${brokerPort}`, broker.pid!, children);
    } catch (error) {
      for (const child of children.toReversed()) await terminate(child, 'SIGKILL');
      throw error;
    }
  }

  private constructor(
    namesrvAddr: string,
    brokerAddr: string,
    brokerPid: number,
    children: readonly ChildProcess[],
  ) {
    this.namesrvAddr = namesrvAddr;
    this.brokerAddr = brokerAddr;
    this.brokerPid = brokerPid;
    this.#children = children;
  }

  /** SIGTERM: the broker writes its state first, and its store is clean. */
  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    for (const child of this.#children.toReversed()) await terminate(child, signal);
  }

  /** At once: for who throws away with `home` what the servers have written. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop('SIGKILL');
  }
}

function java(
  { home, classpath }: OfficialServersOptions,
  flags: readonly string[],
  main: string,
  conf: string,
): ChildProcess {
  const child = spawn(
    'java',
    [
      ...flags,
      `-Duser.home=${home}`,
      `-Drocketmq.home.dir=${home}`,
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
  await until('the port of an official server', () => {
    if (child.exitCode !== null) {
      throw new Error(`official server ended with ${child.exitCode}; its log is in ${home}`);
    }
    return canConnect(port);
  });
}

async function registered(namesrvAddr: string): Promise<void> {
  await using admin = new Admin({ namesrvAddr });
  await admin.start();
  await until('the registration of the official broker', async () => {
    try {
      return (await admin.clusterInfo()).brokerAddrTable.has(BROKER_NAME);
    } catch (error) {
      // Two virtual machines that start on a busy machine answer nobody for seconds.
      if (error instanceof MqError && error.retriable) return false;
      throw error;
    }
  });
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + startTimeoutMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) {
      throw new Error(`${what} is not there after ${startTimeoutMs / 1_000} s`);
    }
    await delay(pollMs);
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function terminate(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill(signal);
  await closed;
}
