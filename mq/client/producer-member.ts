import { unregisterClient } from '../protocol/requests/unregister-client.ts';
import type { ProcessorTable } from '../remoting/processor.ts';
import type { ClientSettings } from './client-options.ts';
import { Heartbeats } from './heartbeats.ts';
import { clientClosed, MqClient } from './mq-client.ts';
import { Rest } from './rest.ts';
import { RouteWatch } from './route-watch.ts';

export interface ProducerMemberOptions {
  /** For requests that brokers originate. */
  processors?: ProcessorTable;
  /** Brokers to be known to besides those of the routes. */
  moreBrokers?: () => Iterable<string>;
}

/**
 * One member of a producer group: its connections and routes, the heartbeats by which brokers know it, and the work
 * that its end waits for.
 */
export class ProducerMember {
  readonly client: MqClient;
  readonly watch: RouteWatch;
  readonly heartbeats: Heartbeats;
  readonly #producerGroup: string;
  readonly #underWay = new Set<Promise<unknown>>();
  #state: 'new' | 'running' | 'closed' = 'new';
  #shuttingDown: Promise<void> | undefined;

  constructor(
    producerGroup: string,
    settings: ClientSettings,
    { processors, moreBrokers = () => [] }: ProducerMemberOptions = {},
  ) {
    this.#producerGroup = producerGroup;
    this.client = new MqClient(settings, processors);
    this.watch = new RouteWatch(this.client, () => void this.heartbeats.announceToUnknown());
    this.heartbeats = new Heartbeats(this.client, {
      data: () => ({
        clientID: settings.clientId,
        producerDataSet: [{ groupName: producerGroup }],
        consumerDataSet: [],
      }),
      addresses: () => new Set([...this.watch.routes.masters(), ...moreBrokers()]),
      onAnnounced: () => undefined,
    });
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  /** Once started it stays so until its end. Returns false when it had been started before. Errors: CLIENT_CLOSED. */
  start(): boolean {
    if (this.#state === 'closed') throw clientClosed();
    if (this.#state === 'running') return false;
    this.#state = 'running';
    this.watch.start();
    this.heartbeats.start();
    return true;
  }

  /** Does work that `idle` waits for. */
  async tracked<T>(work: () => Promise<T>): Promise<T> {
    const working = work();
    this.#underWay.add(working);
    try {
      return await working;
    } finally {
      this.#underWay.delete(working);
    }
  }

  /** Waits for the work under way, at most `graceMs`. Returns how much of it still has no outcome. */
  async idle(graceMs?: number): Promise<number> {
    const settled = Promise.allSettled(this.#underWay);
    if (graceMs === undefined) await settled;
    else {
      const patience = new Rest(this.client.settings.clock);
      void settled.then(() => patience.end());
      await patience.take(graceMs);
    }
    return this.#underWay.size;
  }

  /** Waits for `finished`, says good-bye to the brokers and closes. */
  shutdown(finished: () => Promise<unknown> = () => this.idle()): Promise<void> {
    this.#shuttingDown ??= this.#shutdown(finished);
    return this.#shuttingDown;
  }

  async #shutdown(finished: () => Promise<unknown>): Promise<void> {
    this.#state = 'closed';
    this.watch.stop();
    await finished();
    // Until now: brokers cut off who is silent for two minutes, and local transactions may take longer.
    this.heartbeats.stop();
    await Promise.allSettled(
      this.heartbeats.announcedTo().map((address) =>
        this.client.call(address, unregisterClient, {
          clientID: this.client.clientId,
          producerGroup: this.#producerGroup,
        }),
      ),
    );
    await this.client.close();
  }
}
