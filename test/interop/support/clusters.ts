import { Admin } from '../../../mq/index.ts';
import type { BrokerName, Cluster } from './cell.ts';
import { messageDelayLevel } from './delay-levels.ts';
import { startOfficialCluster } from './official-cluster.ts';
import { startOurCluster } from './our-cluster.ts';

const settings = {
  messageDelayLevel,
  transactionCheckInterval: 2_000,
  transactionTimeOut: 2_000,
};

/** Both clusters of the matrix. */
export class Clusters implements AsyncDisposable {
  readonly #clusters = new Map<BrokerName, Cluster>();
  readonly #servers: AsyncDisposable[] = [];

  /** Starts our name server and broker and the official ones, with the same settings. */
  static async start(): Promise<Clusters> {
    const clusters = new Clusters();
    try {
      clusters.#add('Millrace', await startOurCluster(settings));
      clusters.#add(
        'RocketMQ 5.5.0',
        await startOfficialCluster({
          ...settings,
          recallMessageEnable: true,
          enablePropertyFilter: true,
          // A committed half message counts as open for so long, and is checked back and committed once more.
          transactionOpBatchInterval: 100,
          // Requests that wait over 200 ms are refused by default, and a machine that tests is busy.
          brokerFastFailureEnable: false,
        }),
      );
    } catch (error) {
      await clusters[Symbol.asyncDispose]();
      throw error;
    }
    return clusters;
  }

  #add(
    name: BrokerName,
    server: AsyncDisposable & { readonly namesrvAddr: string; readonly brokerAddr: string },
  ): void {
    const { namesrvAddr, brokerAddr } = server;
    this.#servers.push(server);
    this.#clusters.set(name, {
      name,
      namesrvAddr,
      brokerAddr,
      admin: new Admin({ namesrvAddr, requestTimeoutMs: 30_000 }),
    });
  }

  get(name: BrokerName): Cluster {
    return this.#clusters.get(name)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { admin } of this.#clusters.values()) await admin.shutdown();
    for (const server of this.#servers) await server[Symbol.asyncDispose]();
  }
}
