import type { TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import { decodeLockedQueues, encodeLockBatchBody } from '../protocol/lock-batch.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import { lockBatchMq } from '../protocol/requests/lock-batch-mq.ts';
import { unlockBatchMq } from '../protocol/requests/unlock-batch-mq.ts';
import type { MqClient } from './mq-client.ts';
import { instant, QueueLock } from './queue-lock.ts';
import type { RouteCache } from './route-cache.ts';

const RENEWAL_MS = 20_000;
/** How soon a lock that another member still has, or whose broker did not answer, is asked for again; doubling. */
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 1_000;

export interface QueueLocksOptions {
  client: MqClient;
  routes: RouteCache;
  consumerGroup: string;
  /** The queue was this member's and may be another's now. */
  onLost: (queue: MessageQueue) => void;
  /** The queue is this member's from now on; it may have been another's before. */
  onGained: (queue: MessageQueue) => void;
}

/**
 * The broker locks of the queues that this member consumes in order: asks for them, renews them and gives them back.
 *
 * All queues of a broker share one request, and one request at a time is under way to each broker, so that a lock is never
 * given back before the answer that grants it. A lock is taken for lost as soon as the connection to its broker is: a
 * broker that was restarted has forgotten it and may give it to anyone.
 *
 * Source: RocketMQ 5.3 RebalanceImpl.java (lockAll, unlockAll).
 */
export class QueueLocks {
  readonly #options: QueueLocksOptions;
  readonly #wanted = new Map<string, QueueLock>();
  readonly #turns = new Map<string, Promise<void>>();
  /** Brokers that are about to be asked: whatever is wanted until then goes along. */
  readonly #due = new Set<string>();
  /** Brokers that did not answer when they were asked last: what they granted before runs out meanwhile. */
  readonly #unanswered = new Set<string>();
  /** Queues to be given back with the next request to their broker, and when that is answered. */
  readonly #returning = new Map<string, { queues: MessageQueue[]; answered: Promise<void> }>();
  #renewalTimer: TimerHandle | undefined;
  #retryTimer: TimerHandle | undefined;
  #retryMs = FIRST_RETRY_MS;
  #isStopped = false;

  constructor(options: QueueLocksOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock } = this.#options.client.settings;
    this.#renewalTimer = clock.setInterval(() => this.#renew(), RENEWAL_MS);
  }

  /** Asks for nothing any more; giving back still works. */
  stop(): void {
    this.#isStopped = true;
    const { clock } = this.#options.client.settings;
    clock.clearInterval(this.#renewalTimer);
    clock.clearTimeout(this.#retryTimer);
  }

  /** Asks for the queue's lock until it is held, and renews it from then on. */
  want(queue: MessageQueue): QueueLock {
    const lock = new QueueLock(queue, this.#options.client.settings.clock);
    this.#wanted.set(queueKey(queue), lock);
    this.#retryMs = FIRST_RETRY_MS;
    this.#askSoon(queue.brokerName);
    return lock;
  }

  /** Settles when the broker knows that others may have the queue, or did not answer. Never rejects. */
  giveBack(lock: QueueLock): Promise<void> {
    this.letLapse(lock);
    const { brokerName } = lock.queue;
    let returning = this.#returning.get(brokerName);
    if (returning === undefined) {
      const queues: MessageQueue[] = [];
      const answered = this.#inTurn(brokerName, () => {
        this.#returning.delete(brokerName);
        return this.#unlock(brokerName, queues);
      });
      returning = { queues, answered };
      this.#returning.set(brokerName, returning);
    }
    returning.queues.push(lock.queue);
    return returning.answered;
  }

  /** Renews the lock no more. The broker keeps the others out until it has run out, 60 s after the last renewal. */
  letLapse(lock: QueueLock): void {
    const key = queueKey(lock.queue);
    lock.lost();
    if (this.#wanted.get(key) === lock) this.#wanted.delete(key);
  }

  brokerIsLost(address: string): void {
    for (const lock of this.#wanted.values()) {
      if (lock.grantedBy === address) this.#lose(lock);
    }
    this.#retryMs = FIRST_RETRY_MS;
    this.#retryLater();
  }

  brokerIsBack(address: string): void {
    const { routes } = this.#options;
    for (const brokerName of this.#brokers((lock) => lock.hold === undefined)) {
      if (routes.masterAddress(brokerName) === address) this.#askSoon(brokerName);
    }
  }

  #renew(): void {
    for (const brokerName of this.#brokers(() => true)) this.#askSoon(brokerName);
  }

  #retryLater(): void {
    const { clock } = this.#options.client.settings;
    if (this.#retryTimer !== undefined || this.#isStopped) return;
    this.#retryTimer = clock.setTimeout(() => {
      this.#retryTimer = undefined;
      for (const brokerName of this.#overdue()) this.#askSoon(brokerName);
    }, this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
  }

  /** Brokers that cannot wait for the next renewal. */
  #overdue(): Set<string> {
    return this.#brokers(
      (lock) => lock.hold === undefined || this.#unanswered.has(lock.queue.brokerName),
    );
  }

  #brokers(wanted: (lock: QueueLock) => boolean): Set<string> {
    const locks = [...this.#wanted.values()].filter(wanted);
    return new Set(locks.map(({ queue }) => queue.brokerName));
  }

  #askSoon(brokerName: string): void {
    if (this.#isStopped || this.#due.has(brokerName)) return;
    this.#due.add(brokerName);
    void this.#inTurn(brokerName, () => this.#ask(brokerName));
  }

  /** Never rejects. */
  async #ask(brokerName: string): Promise<void> {
    this.#due.delete(brokerName);
    const locks = [...this.#wanted].filter(([, { queue }]) => queue.brokerName === brokerName);
    if (locks.length === 0 || this.#isStopped) return;
    // A lock that has run out is noticed here if nothing was handed out meanwhile.
    for (const [, lock] of locks) if (lock.hold === undefined) this.#lose(lock);
    const { client } = this.#options;
    const asked = instant(client.settings.clock);
    try {
      const address = this.#masterAddress(brokerName);
      const queues = locks.map(([, { queue }]) => queue);
      const { body } = await client.call(address, lockBatchMq, {}, { body: this.#body(queues) });
      const granted = new Set(decodeLockedQueues(body).map(queueKey));
      this.#unanswered.delete(brokerName);
      for (const [key, lock] of locks) {
        if (this.#wanted.get(key) !== lock) continue;
        // Got again after it has run out, or from another broker, it may have been somebody else's in between.
        if (!granted.has(key) || lock.grantedBy !== address) this.#lose(lock);
        if (granted.has(key) && lock.granted(asked, address)) this.#options.onGained(lock.queue);
      }
    } catch (error) {
      this.#unanswered.add(brokerName);
      this.#logFailure('a broker did not answer about locks', brokerName, error);
    }
    if (this.#overdue().size > 0) this.#retryLater();
  }

  /** Never rejects. */
  async #unlock(brokerName: string, given: readonly MessageQueue[]): Promise<void> {
    const { client } = this.#options;
    // Others were taken anew meanwhile.
    const queues = given.filter((queue) => !this.#wanted.has(queueKey(queue)));
    if (queues.length === 0) return;
    try {
      const address = this.#masterAddress(brokerName);
      await client.call(address, unlockBatchMq, {}, { body: this.#body(queues) });
    } catch (error) {
      this.#logFailure('locks could not be given back and have to run out', brokerName, error);
    }
  }

  #lose(lock: QueueLock): void {
    if (!lock.lost()) return;
    const { client, onLost } = this.#options;
    client.settings.logger.info('the lock of a queue is lost', { queue: queueKey(lock.queue) });
    onLost(lock.queue);
  }

  #body(queues: MessageQueue[]): Buffer {
    const { client, consumerGroup } = this.#options;
    return encodeLockBatchBody({ consumerGroup, clientId: client.clientId, mqSet: queues });
  }

  /** Errors: NO_ROUTE. */
  #masterAddress(brokerName: string): string {
    const address = this.#options.routes.masterAddress(brokerName);
    if (address !== undefined) return address;
    throw new MqError('NO_ROUTE', `broker ${brokerName} has no master in the route`, {
      retriable: true,
      details: { brokerName },
    });
  }

  #inTurn(brokerName: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(brokerName) ?? Promise.resolve()).then(work);
    this.#turns.set(brokerName, turn);
    return turn;
  }

  #logFailure(what: string, brokerName: string, error: unknown): void {
    const { logger } = this.#options.client.settings;
    if (MqError.is(error)) logger.debug(what, { brokerName, error: error.message });
    else logger.error(what, { brokerName, error });
  }
}
