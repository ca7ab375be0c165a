import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const millrace = fileURLToPath(new URL('../../../mq/dist/cli/main.js', import.meta.url));

/** `millrace dev` on a store directory, in a process of its own. */
export class DevProcess implements AsyncDisposable {
  readonly #process: ChildProcess;
  /** These two resolve when it listens. */
  readonly namesrvAddr: Promise<string>;
  readonly brokerAddr: Promise<string>;

  constructor(storeDirectory: string, flags: readonly string[] = []) {
    this.#process = spawn(
      process.execPath,
      [
        millrace,
        '--log-level',
        'warn',
        'dev',
        '--namesrv-port',
        '0',
        '--listen-port',
        '0',
        '--store-path-root-dir',
        storeDirectory,
        ...flags,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const addresses = addressesOf(this.#process);
    this.namesrvAddr = addresses.then(([namesrvAddr]) => namesrvAddr);
    this.brokerAddr = addresses.then(([, brokerAddr]) => brokerAddr);
    // Who waits for one of the two is told; the other must not end the benchmark unheard.
    for (const address of [this.namesrvAddr, this.brokerAddr]) address.catch(() => undefined);
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** In MB of 10^6 bytes, as the kernel's VmRSS says. */
  async residentMb(): Promise<number> {
    const status = await readFile(`/proc/${this.#process.pid}/status`, 'utf8');
    const kib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
    return (kib * 1024) / 1e6;
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill(signal);
    await once(this.#process, 'exit');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** The two addresses in dev's start-up line. */
async function addressesOf(
  dev: ChildProcess,
): Promise<readonly [namesrvAddr: string, brokerAddr: string]> {
  for await (const line of createInterface({ input: dev.stdout! })) {
    const [, namesrvAddr, brokerAddr] =
      /name server ([\d.]+:\d+), broker ([\d.]+:\d+)/.exec(line) ?? [];
    if (namesrvAddr !== undefined && brokerAddr !== undefined) return [namesrvAddr, brokerAddr];
  }
  throw new Error('millrace dev ended before it was ready');
}
