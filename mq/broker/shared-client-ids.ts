import type { Clock } from '../clock.ts';
import type { ClientChannel } from './client-channel.ts';
import type { Findings } from './findings.ts';

interface Seen {
  channel: ClientChannel;
  /** On the monotonic clock. */
  lastHeartbeatMs: number;
  /** The connections it has come from while the one before was open. */
  readonly channels: WeakSet<ClientChannel>;
  /** How often it has come from one of them again. */
  returns: number;
}

/**
 * A client that reconnects comes from a new connection, and a heartbeat that was still on the old one is one return: only
 * two living clients make more, however often one of them has lost its connection without the broker's noticing.
 */
const RETURNS_OF_TWO = 2;

/**
 * Notices live clients that share a clientId in one group: in containers with equal addresses and process ids, or with
 * one instance name set for all. They take the same queues, so that every message is consumed by each of them.
 */
export class SharedClientIds {
  readonly #seen = new Map<string, Seen>();
  readonly #findings: Findings;
  readonly #clock: Clock;

  constructor(findings: Findings, clock: Clock) {
    this.#findings = findings;
    this.#clock = clock;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#seen.size;
  }

  /** To be called for each group of each heartbeat. `role`: what the client is in the group. */
  heartbeat(
    role: 'consumer' | 'producer',
    group: string,
    clientId: string,
    channel: ClientChannel,
  ): void {
    const key = `${role} ${group} ${clientId}`;
    const seen = this.#seen.get(key);
    const lastHeartbeatMs = this.#clock.monotonicMs();
    if (seen === undefined || !seen.channel.isOpen) {
      this.#seen.set(key, {
        channel,
        lastHeartbeatMs,
        channels: new WeakSet([channel]),
        returns: 0,
      });
      return;
    }
    seen.lastHeartbeatMs = lastHeartbeatMs;
    if (seen.channel === channel) return;
    const before = seen.channel;
    seen.channel = channel;
    if (seen.channels.has(channel)) seen.returns++;
    else seen.channels.add(channel);
    if (seen.returns < RETURNS_OF_TWO) return;
    this.#findings.report({
      kind: 'CLIENT_ID_SHARED',
      subject: `${group} ${clientId}`,
      what: `two live ${role}s of group ${group} have the clientId ${clientId}: ${before.peer} and ${channel.peer}`,
      advice:
        role === 'consumer'
          ? 'give each client an instanceName of its own; until then both consume the same queues, and every message twice'
          : 'give each client an instanceName of its own; until then replies to requests may reach the wrong one',
      addresses: [before.peer, channel.peer],
    });
  }

  /**
   * To be called now and then: ids of clients that are gone take no room, nor those whose latest heartbeat is not after
   * `sinceMs`, on the monotonic clock.
   */
  forgetSilent(sinceMs: number): void {
    for (const [key, { channel, lastHeartbeatMs }] of this.#seen) {
      if (!channel.isOpen || lastHeartbeatMs <= sinceMs) this.#seen.delete(key);
    }
  }
}
