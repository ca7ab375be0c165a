import type { Clock } from '../clock.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';

interface Lease {
  readonly clientId: string;
  readonly expiresAtMs: number;
}

const LEASE_MS = 60_000;

/**
 * Who may consume a queue in order: one client of a group at a time, on a lease it has to renew.
 *
 * A lease outlives its client's connection on purpose: a client trusts its lock for 30 s after the last renewal
 * whether or not it can reach us, and two consumers of one ordered queue is what the lock is there to prevent.
 * Source: RocketMQ 4.9.8 RebalanceLockManager.java.
 */
export class QueueLocks {
  readonly #groups = new Map<string, Map<string, Lease>>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes or renews what is free, expired or already this client's; returns those queues, in the order asked. */
  lock(group: string, clientId: string, queues: readonly MessageQueue[]): MessageQueue[] {
    const nowMs = this.#clock.monotonicMs();
    const leases = this.#groups.get(group) ?? new Map<string, Lease>();
    const locked = queues.filter((queue) => {
      const key = queueKey(queue);
      const lease = leases.get(key);
      if (lease !== undefined && lease.clientId !== clientId && lease.expiresAtMs > nowMs) {
        return false;
      }
      leases.set(key, { clientId, expiresAtMs: nowMs + LEASE_MS });
      return true;
    });
    if (leases.size > 0) this.#groups.set(group, leases);
    return locked;
  }

  /** Gives back what this client holds; queues held by another client stay locked. */
  unlock(group: string, clientId: string, queues: readonly MessageQueue[]): void {
    const leases = this.#groups.get(group);
    if (leases === undefined) return;
    for (const queue of queues) {
      const key = queueKey(queue);
      if (leases.get(key)?.clientId === clientId) leases.delete(key);
    }
    if (leases.size === 0) this.#groups.delete(group);
  }

  /** Whether anyone in the group consumes in order. */
  isAnyHeld(group: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    const leases = this.#groups.get(group);
    return leases !== undefined && [...leases.values()].some((lease) => lease.expiresAtMs > nowMs);
  }

  /** Forgets leases nobody renewed. Correctness does not need it, memory does. */
  forgetExpired(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [group, leases] of this.#groups) {
      for (const [key, lease] of leases) if (lease.expiresAtMs <= nowMs) leases.delete(key);
      if (leases.size === 0) this.#groups.delete(group);
    }
  }

  get leaseCount(): number {
    let count = 0;
    for (const leases of this.#groups.values()) count += leases.size;
    return count;
  }
}
