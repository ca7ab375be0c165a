import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OfficialServers, quickStart } from '../../../infra/rocketmq/official-servers.ts';
import { Admin } from '../../../mq/index.ts';
import { javaClasspath, javaVersions } from './toolchain.ts';

/** Apache RocketMQ's own name server and broker (newest 5.x), on free ports, in a temporary directory. */
export interface OfficialCluster extends AsyncDisposable {
  readonly namesrvAddr: string;
  readonly brokerAddr: string;
  createTopic(topic: string, queueCount: number): Promise<void>;
}

/** `settings` are lines of broker.conf, by their RocketMQ names. */
export async function startOfficialCluster(
  settings: Readonly<Record<string, string | number | boolean>> = {},
): Promise<OfficialCluster> {
  const classpath = await javaClasspath(javaVersions.newest5);
  const home = await mkdtemp(join(tmpdir(), 'rocketmq-'));
  try {
    const servers = await OfficialServers.start({
      classpath,
      home,
      brokerJvmFlags: ['-Xms512m', '-Xmx512m', ...quickStart, '-XX:MaxDirectMemorySize=512m'],
      settings: {
        mappedFileSizeCommitLog: 67_108_864,
        maxIndexNum: 400_000,
        maxHashSlotNum: 100_000,
        flushDiskType: 'ASYNC_FLUSH',
        ...settings,
      },
    });
    const { namesrvAddr, brokerAddr } = servers;
    const admin = new Admin({ namesrvAddr });
    await admin.start();
    return {
      namesrvAddr,
      brokerAddr,
      async createTopic(topic, queueCount) {
        await admin.createTopic({ topic, readQueueNums: queueCount, writeQueueNums: queueCount });
      },
      async [Symbol.asyncDispose]() {
        await admin.shutdown();
        await servers[Symbol.asyncDispose]();
        await rm(home, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
}
