import type { Clock } from '../clock.ts';
import type { ClientChannel, ClientIdentity, GroupMember } from './client-channel.ts';

/**
 * Which producers are connected, by producer group.
 *
 * Source: RocketMQ 4.9 ProducerManager.java.
 */
export class ProducerManager {
  readonly #groups = new Map<string, Map<ClientChannel, GroupMember>>();
  /** By clientId; of several clients with one id, the one that was heard of last. */
  readonly #byClientId = new Map<string, ClientChannel>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  register(group: string, channel: ClientChannel, client: ClientIdentity): void {
    const members = this.#groups.get(group) ?? new Map<ClientChannel, GroupMember>();
    this.#groups.set(group, members);
    const before = members.get(channel)?.clientId;
    if (before !== undefined && before !== client.clientId) this.#forget(before, channel);
    members.set(channel, { ...client, channel, lastHeartbeatMs: this.#clock.monotonicMs() });
    this.#byClientId.set(client.clientId, channel);
  }

  unregister(group: string, channel: ClientChannel): void {
    const members = this.#groups.get(group);
    const member = members?.get(channel);
    if (members === undefined || member === undefined) return;
    members.delete(channel);
    if (members.size === 0) this.#groups.delete(group);
    if (!this.isMember(channel)) this.#forget(member.clientId, channel);
  }

  /** The channel of a client in any group. */
  find(clientId: string): ClientChannel | undefined {
    const channel = this.#byClientId.get(clientId);
    return channel?.isOpen === true ? channel : undefined;
  }

  channelGone(channel: ClientChannel): void {
    for (const group of this.#groups.keys()) this.unregister(group, channel);
  }

  /** Drops members whose latest heartbeat is not after `sinceMs`, on the monotonic clock; returns their channels. */
  dropSilent(sinceMs: number): ClientChannel[] {
    const dropped: ClientChannel[] = [];
    for (const [group, members] of this.#groups) {
      for (const { channel, lastHeartbeatMs } of members.values()) {
        if (lastHeartbeatMs > sinceMs) continue;
        this.unregister(group, channel);
        dropped.push(channel);
      }
    }
    return dropped;
  }

  isMember(channel: ClientChannel): boolean {
    for (const members of this.#groups.values()) if (members.has(channel)) return true;
    return false;
  }

  /** Once for each group that it is a member of. */
  *all(): Iterable<GroupMember> {
    for (const members of this.#groups.values()) yield* members.values();
  }

  members(group: string): GroupMember[] {
    return [...(this.#groups.get(group)?.values() ?? [])];
  }

  #forget(clientId: string, channel: ClientChannel): void {
    if (this.#byClientId.get(clientId) === channel) this.#byClientId.delete(clientId);
  }
}
