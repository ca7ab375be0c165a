import type { Clock } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import type { JsonConfigFile } from '../store/config-file.ts';
import { StateFile } from './state-file.ts';
import { storedObject } from './stored-json.ts';

export interface QueueLocksDeps {
  readonly file: Pick<JsonConfigFile, 'read' | 'write'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Lease {
  readonly clientId: string;
  readonly expiresAtMs: number;
}

const LEASE_MS = 60_000;
/** A client trusts its lock no longer than this after it last asked for it, and it last asked before we stopped. */
const LEASE_AFTER_RESTART_MS = 30_000;

/**
 * Who may consume a queue in order: one client of a group at a time, on a lease it has to renew.
 *
 * A lease outlives its client's connection on purpose: a client trusts its lock for 30 s after the last renewal
 * whether or not it can reach us, and two consumers of one ordered queue is what the lock is there to prevent.
 *
 * For the same reason it outlives us, which the original's does not: who holds what is kept in queueLocks.json, and for 30 s
 * after a restart only the holder gets its lock. Otherwise the first member to come back would get the queues of the
 * others while their listeners still run.
 *
 *     {"lockTable":{"og":{"TopicA@broker-a@0":"10.0.0.7@1234"}}}
 *
 * Source: RocketMQ 4.9.8 RebalanceLockManager.java.
 */
export class QueueLocks {
  readonly #groups = new Map<string, Map<string, Lease>>();
  readonly #clock: Clock;
  readonly #state: StateFile | undefined;
  readonly #logger: Logger | undefined;

  /** Without a file, locks are forgotten with this object. */
  constructor(clock: Clock, deps?: Omit<QueueLocksDeps, 'clock'>) {
    this.#clock = clock;
    this.#logger = deps?.logger;
    this.#state = deps && new StateFile(deps.file, () => ({ lockTable: this.#holders() }));
  }

  /** A file that cannot be read costs no more than the locks in it: they are taken for free, as after any restart of an original. */
  static async open({ file, clock, logger }: QueueLocksDeps): Promise<QueueLocks> {
    const locks = new QueueLocks(clock, { file, logger });
    try {
      locks.#restore(await file.read());
    } catch (error) {
      if (!MqError.is(error)) throw error;
      logger.warn('the queue locks of before the restart are lost', { error: error.message });
    }
    return locks;
  }

  /** Settles when every lock granted so far would survive us, or could not be saved. Never rejects. */
  async saved(): Promise<void> {
    try {
      await this.#state?.save();
    } catch (cause) {
      this.#logger?.error('queueLocks.json not saved; the next renewal tries again', { cause });
    }
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
      if (lease?.clientId !== clientId) this.#state?.noteChange();
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
      if (leases.get(key)?.clientId !== clientId) continue;
      leases.delete(key);
      this.#state?.noteChange();
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
      for (const [key, lease] of leases) {
        if (lease.expiresAtMs > nowMs) continue;
        leases.delete(key);
        // Or a restart would keep the queue for somebody long gone.
        this.#state?.noteChange();
      }
      if (leases.size === 0) this.#groups.delete(group);
    }
    void this.saved();
  }

  #holders(): Record<string, Record<string, string>> {
    return Object.fromEntries(
      Array.from(this.#groups, ([group, leases]) => [
        group,
        Object.fromEntries(Array.from(leases, ([key, { clientId }]) => [key, clientId])),
      ]),
    );
  }

  #restore(stored: unknown): void {
    const file = 'queueLocks.json';
    const expiresAtMs = this.#clock.monotonicMs() + LEASE_AFTER_RESTART_MS;
    const table = storedObject(storedObject(stored, file)['lockTable'], `${file}: lockTable`);
    for (const [group, holders] of Object.entries(table)) {
      const leases = Object.entries(storedObject(holders, `${file}: lockTable.${group}`));
      this.#groups.set(
        group,
        new Map(
          leases.map(([key, clientId]) => [key, { clientId: String(clientId), expiresAtMs }]),
        ),
      );
    }
  }

  get leaseCount(): number {
    let count = 0;
    for (const leases of this.#groups.values()) count += leases.size;
    return count;
  }
}
