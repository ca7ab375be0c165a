import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { TestProcess } from '../../support/process.ts';

/** Millrace's own name server and broker as built, in a process of their own, on free ports. */
export interface OurCluster extends AsyncDisposable {
  readonly namesrvAddr: string;
  readonly brokerAddr: string;
  /** Ends both, and lets them finish or not. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

type Settings = Readonly<Record<string, string | number | boolean>>;

const millrace = resolve(import.meta.dirname, '..', '..', '..', 'mq', 'bin', 'millrace.js');

/** `settings` by their RocketMQ names. */
export async function startOurCluster(settings: Settings): Promise<OurCluster> {
  const storeDir = await mkdtemp(join(tmpdir(), 'millrace-interop-'));
  const servers: TestProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const server of servers.toReversed()) await server[Symbol.asyncDispose]();
    await rm(storeDir, { recursive: true, force: true });
  };
  /** Returns the address it says it listens on. */
  const start = async (command: string, flags: Settings): Promise<string> => {
    const named = Object.entries(flags).map(([name, value]) => `--${flagOf(name)}=${value}`);
    const args = [millrace, command, '--listen-port=0', ...named];
    const server = await TestProcess.start({ args, ready: /ready in \d+ ms/ });
    servers.push(server);
    return / on ([\d.]+:\d+)/.exec(await server.stdout())![1]!;
  };
  try {
    const namesrvAddr = await start('nameserver', { kvConfigPath: '' });
    const brokerAddr = await start('broker', {
      namesrvAddr,
      storePathRootDir: storeDir,
      flushDiskType: 'ASYNC_FLUSH',
      ...settings,
    });
    const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
      for (const server of servers.toReversed()) {
        await (signal === 'SIGTERM' ? server.stop() : server.kill());
      }
    };
    return { namesrvAddr, brokerAddr, end, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function flagOf(property: string): string {
  return property.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
