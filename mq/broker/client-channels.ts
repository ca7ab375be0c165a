import type { Clock, TimerHandle } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { ClientChannel } from './client-channel.ts';
import type { ConsumerManager } from './consumer-manager.ts';
import type { ProducerManager } from './producer-manager.ts';
import type { QueueLocks } from './queue-locks.ts';
import type { SharedClientIds } from './shared-client-ids.ts';

export interface ClientChannelsDeps {
  readonly consumers: ConsumerManager;
  readonly producers: ProducerManager;
  readonly queueLocks: QueueLocks;
  readonly sharedClientIds: SharedClientIds;
  readonly clock: Clock;
  readonly logger: Logger;
}

const SCAN_INTERVAL_MS = 10_000;
/** Four heartbeats of a healthy client. */
const SILENCE_MS = 120_000;

/**
 * Ends memberships that nobody ended: when the client's connection closes, and when it sends no heartbeat for 120 s.
 *
 * Source: RocketMQ 4.9 ClientHousekeepingService.java.
 */
export class ClientChannels {
  readonly #deps: ClientChannelsDeps;
  readonly #watched = new WeakSet<ClientChannel>();
  readonly #turns = new WeakMap<ClientChannel, Promise<unknown>>();
  #timer: TimerHandle | undefined;

  constructor(deps: ClientChannelsDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer ??= this.#deps.clock.setInterval(() => this.scan(), SCAN_INTERVAL_MS);
    this.#timer.unref();
  }

  /**
   * Runs what one client says of its memberships in the order it came: a goodbye must not overtake the heartbeat before
   * it, which may have to wait for a topic to be created and would then join a client that has left.
   */
  inTurn<T>(channel: ClientChannel, work: () => T | Promise<T>): Promise<T> {
    const turn = (this.#turns.get(channel) ?? Promise.resolve()).then(work);
    this.#turns.set(
      channel,
      turn.catch(() => undefined),
    );
    return turn;
  }

  /** To be called with every heartbeat, after its registrations: a channel that has closed meanwhile loses them at once. */
  watch(channel: ClientChannel): void {
    if (this.#watched.has(channel)) return;
    this.#watched.add(channel);
    channel.onClose(() => {
      this.#deps.consumers.channelGone(channel);
      this.#deps.producers.channelGone(channel);
    });
  }

  scan(): void {
    const { consumers, producers, queueLocks, sharedClientIds, clock, logger } = this.#deps;
    const sinceMs = clock.monotonicMs() - SILENCE_MS;
    const silent = new Set([...consumers.dropSilent(sinceMs), ...producers.dropSilent(sinceMs)]);
    for (const channel of silent) {
      // Several groups share a connection; one that fell silent (Go clients never unregister) must not cut off the rest.
      if (consumers.isMember(channel) || producers.isMember(channel)) continue;
      logger.warn(`closed ${channel.peer}: no heartbeat for ${SILENCE_MS} ms`);
      channel.destroy();
    }
    queueLocks.forgetExpired();
    sharedClientIds.forgetSilent(sinceMs);
  }

  close(): void {
    this.#deps.clock.clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
