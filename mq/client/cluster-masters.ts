import type { TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import { getBrokerClusterInfo } from '../protocol/requests/get-broker-cluster-info.ts';
import { decodeClusterInfo, MASTER_ID } from '../protocol/route.ts';
import type { MqClient } from './mq-client.ts';

const POLL_MS = 30_000;
/** While no master is known yet. */
const MISSING_POLL_MS = 2_000;

/**
 * The master brokers that the name servers know, kept while none answers.
 *
 * Routes tell only of brokers that one has sent to. A producer that must answer for what another process sent, or it
 * itself before it was restarted, has to be known to all of them.
 */
export class ClusterMasters {
  readonly #client: MqClient;
  readonly #onRefresh: () => void;
  #addresses: ReadonlySet<string> = new Set();
  #isUnanswered = false;
  #timers: TimerHandle[] = [];

  constructor(client: MqClient, onRefresh: () => void) {
    this.#client = client;
    this.#onRefresh = onRefresh;
  }

  get addresses(): ReadonlySet<string> {
    return this.#addresses;
  }

  start(): void {
    const { clock } = this.#client.settings;
    const refreshIfMissing = (): void => {
      if (this.#addresses.size === 0) void this.refresh();
    };
    this.#timers = [
      clock.setInterval(() => void this.refresh(), POLL_MS),
      clock.setInterval(refreshIfMissing, MISSING_POLL_MS),
    ];
  }

  stop(): void {
    for (const timer of this.#timers) this.#client.settings.clock.clearInterval(timer);
  }

  /** Never rejects: what fails is logged and repeated. */
  async refresh(): Promise<void> {
    try {
      const { body } = await this.#client.callNameServer(getBrokerClusterInfo, {});
      const brokers = [...decodeClusterInfo(body).brokerAddrTable.values()];
      this.#addresses = new Set(
        brokers.flatMap(({ brokerAddrs }) => brokerAddrs.get(MASTER_ID) ?? []),
      );
      this.#isUnanswered = false;
    } catch (error) {
      if (MqError.is(error) && error.code === 'CLIENT_CLOSED') return;
      const level = this.#isUnanswered ? 'debug' : 'warn';
      this.#isUnanswered = true;
      this.#client.settings.logger[level]('no name server tells which brokers there are', {
        error: error instanceof Error ? error.message : String(error),
      });
      return;
    }
    this.#onRefresh();
  }
}
