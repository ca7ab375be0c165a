import type { TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import { encodeHeartbeat, type HeartbeatData } from '../protocol/heartbeat.ts';
import { heartBeat } from '../protocol/requests/heart-beat.ts';
import type { MqClient } from './mq-client.ts';

const PERIOD_MS = 30_000;
/** How soon a broker that does not know us is told: after a reconnect consumption stands still until it is. */
const UNKNOWN_PERIOD_MS = 1_000;

export interface HeartbeatSource {
  /** What to say; asked for each round, because subscriptions change. */
  data(): HeartbeatData;
  /** Whom to say it to. */
  addresses(): Iterable<string>;
  /** A broker that did not know this client, or had lost it with the connection, knows it now. */
  onAnnounced(address: string): void;
}

/**
 * Tells brokers that this client lives and what it subscribes to: all of them every 30 s, and every second those that
 * have not been reached since they were first routed to or since their connection was lost.
 */
export class Heartbeats {
  readonly #client: MqClient;
  readonly #source: HeartbeatSource;
  readonly #announced = new Set<string>();
  readonly #sending = new Map<string, Promise<void>>();
  #timer: TimerHandle | undefined;
  #unknownTimer: TimerHandle | undefined;

  constructor(client: MqClient, source: HeartbeatSource) {
    this.#client = client;
    this.#source = source;
    client.onConnectionClosed((address) => this.#announced.delete(address));
  }

  start(): void {
    const { clock } = this.#client.settings;
    this.#timer = clock.setInterval(() => void this.announce(), PERIOD_MS);
    this.#unknownTimer = clock.setInterval(() => void this.announceToUnknown(), UNKNOWN_PERIOD_MS);
  }

  stop(): void {
    const { clock } = this.#client.settings;
    clock.clearInterval(this.#timer);
    clock.clearInterval(this.#unknownTimer);
  }

  /** The brokers that know this client, as far as this client knows. */
  announcedTo(): string[] {
    return Array.from(this.#source.addresses()).filter((address) => this.#announced.has(address));
  }

  /** The brokers that ought to know this client and do not. */
  notAnnouncedTo(): string[] {
    return Array.from(this.#source.addresses()).filter((address) => !this.#announced.has(address));
  }

  /** Settles when the broker knows this client, or could not be told. Never rejects. */
  async announceTo(address: string): Promise<void> {
    if (!this.#announced.has(address)) await (this.#sending.get(address) ?? this.#beat(address));
  }

  /** Never rejects: what fails is logged and repeated within a second. */
  async announce(): Promise<void> {
    await Promise.all(Array.from(this.#source.addresses(), (address) => this.#beat(address)));
  }

  /** Never rejects. */
  async announceToUnknown(): Promise<void> {
    await Promise.all(
      this.notAnnouncedTo().map((address) => this.#sending.get(address) ?? this.#beat(address)),
    );
  }

  /** One heartbeat after the other to each broker, so that an older one never overtakes a newer one. */
  #beat(address: string): Promise<void> {
    const before = this.#sending.get(address) ?? Promise.resolve();
    const beat = before
      .then(() => this.#send(address))
      .finally(() => {
        if (this.#sending.get(address) === beat) this.#sending.delete(address);
      });
    this.#sending.set(address, beat);
    return beat;
  }

  async #send(address: string): Promise<void> {
    try {
      await this.#client.call(
        address,
        heartBeat,
        {},
        { body: encodeHeartbeat(this.#source.data()) },
      );
    } catch (error) {
      const isFirstFailure = this.#announced.delete(address);
      if (MqError.is(error) && error.code === 'CLIENT_CLOSED') return;
      const log = this.#client.settings.logger;
      const fields = { address, error: error instanceof Error ? error.message : String(error) };
      if (isFirstFailure) log.warn('a broker did not take the heartbeat', fields);
      else log.debug('a broker did not take the heartbeat', fields);
      return;
    }
    if (this.#announced.has(address)) return;
    this.#announced.add(address);
    this.#source.onAnnounced(address);
  }
}
