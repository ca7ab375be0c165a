import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('./bare-fastify-main.js', import.meta.url));

/** The body each request brings: as long as one for an order of a flash sale. */
export const BARE_REQUEST_BODY = '{"quantity":1}';
export const BARE_PATH = '/orders';

/** The bare Fastify server in a process of its own. */
export class BareFastify implements AsyncDisposable {
  readonly port: number;
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#process = child;
    this.port = port;
  }

  static async start(): Promise<BareFastify> {
    const child = spawn(process.execPath, [main], { stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const line of createInterface({ input: child.stdout })) {
      const port = /^listening on (\d+)$/.exec(line)?.[1];
      if (port !== undefined) return new BareFastify(child, Number(port));
    }
    throw new Error('the bare Fastify server ended before it listened');
  }

  get pid(): number {
    return this.#process.pid!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    // Not SIGTERM: keep-alive connections of a client that was cut short would hold it.
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }
}
