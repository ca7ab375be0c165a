import { join } from 'node:path';
import type { Session } from '../session.ts';
import { stopOrder } from '../demo/topology.ts';
import type { RunningProcess } from '../processes.ts';

const stopTimeoutMs = 5_000;

/** The shop without a queue (loadtest/synchronous/) as a process; it makes its schema anew. */
export class SynchronousShop implements AsyncDisposable {
  readonly url: string;
  readonly #process: RunningProcess;

  private constructor(process: RunningProcess, url: string) {
    this.#process = process;
    this.url = url;
  }

  static async start(
    { processes, step }: Session,
    root: string,
    at: { databaseUrl: string; thirdPartyUrl: string; channelSecret: string },
  ): Promise<SynchronousShop> {
    const listening = /^listening on (\d+)$/m;
    const running = await step('without queue', async (say) => {
      say('everything in the request, one after another');
      return processes.start({
        name: 'synchronous',
        command: process.execPath,
        args: [join(root, 'loadtest', 'dist', 'synchronous', 'main.js')],
        env: {
          DATABASE_URL: at.databaseUrl,
          THIRD_PARTY_URL: at.thirdPartyUrl,
          CHANNEL_SECRET: at.channelSecret,
        },
        stopOrder: stopOrder.service,
        ready: listening,
      });
    });
    const port = listening.exec(running.output())?.[1];
    return new SynchronousShop(running, `http://127.0.0.1:${port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop(stopTimeoutMs);
  }
}
