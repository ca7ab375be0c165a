import type { Clock, TimerHandle } from '../clock.ts';
import { HeldPulls, type HeldPull, type QueueArrival } from './held-pulls.ts';

/**
 * Why a held pull was let go: it should look again, it has waited long enough, nobody waits for it any more, or it was
 * not held at all because as many are held as may be.
 */
export type PullRelease = 'look-again' | 'timed-out' | 'connection-closed' | 'too-many-held';

/** A connection, as far as holding its pulls needs it. */
export interface PullOwner {
  readonly isOpen: boolean;
  onClose(listener: () => void): void;
}

export interface LongPollingOptions {
  readonly clock: Clock;
  /** Number of entries of a queue that consumers may see. */
  readonly maxOffsetOf: (topic: string, queueId: number) => number;
  /** The original re-checks held requests every 5 s. */
  readonly recheckMs?: number;
  /** The original's pull queue has room for 100,000. */
  readonly maxHeldPulls?: number;
}

type WaitingPull = HeldPull & { readonly letGo: (release: PullRelease) => void };

/**
 * Holds pulls that found nothing until something arrives, their time is up, or their connection closes: the promise
 * of {@link hold} settles exactly once, never rejects, and with it the broker's duty to answer.
 *
 * One timer serves all held pulls, and it runs only while there are any. What happens when is decided in
 * {@link HeldPulls}.
 */
export class LongPolling {
  readonly #held: HeldPulls<WaitingPull>;
  readonly #options: LongPollingOptions;
  readonly #clock: Clock;
  readonly #maxHeldPulls: number;
  readonly #watched = new WeakSet<PullOwner>();
  #timer: TimerHandle | undefined;
  #timerDueMs = Infinity;
  #isClosed = false;

  constructor(options: LongPollingOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#maxHeldPulls = options.maxHeldPulls ?? 100_000;
    this.#held = new HeldPulls(options.recheckMs ?? 5_000);
  }

  get heldCount(): number {
    return this.#held.size;
  }

  hold(pull: HeldPull & { readonly owner: PullOwner }): Promise<PullRelease> {
    if (!pull.owner.isOpen) return Promise.resolve('connection-closed');
    if (this.#isClosed) return Promise.resolve('timed-out');
    if (this.#held.size >= this.#maxHeldPulls) return Promise.resolve('too-many-held');
    this.#watch(pull.owner);
    return new Promise((letGo) => {
      this.#held.hold({ ...pull, letGo }, this.#clock.monotonicMs());
      this.#arm();
    });
  }

  /** To be called for every message that becomes visible, in the order in which they do. */
  messageArrived(arrival: QueueArrival): void {
    letGo(this.#held.arrived(arrival), 'look-again');
  }

  /** Something but a message has happened to a queue. */
  wake(topic: string, queueId: number): void {
    letGo(this.#held.ofQueue(topic, queueId), 'look-again');
  }

  /** To be called when a group wants other messages of a topic: what it does not know of was announced to it in vain. */
  selectionChanged(consumerGroup: string, topic: string): void {
    letGo(this.#held.selectionChanged(consumerGroup, topic), 'look-again');
  }

  /** Lets everything go, so that every consumer has its answer before the connections close. */
  close(): void {
    this.#isClosed = true;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    letGo(this.#held.all(), 'timed-out');
  }

  /** One listener a connection, however many pulls it makes in its life. */
  #watch(owner: PullOwner): void {
    if (this.#watched.has(owner)) return;
    this.#watched.add(owner);
    owner.onClose(() => letGo(this.#held.ownerGone(owner), 'connection-closed'));
  }

  #arm(): void {
    const dueMs = this.#held.nextDueMs();
    if (this.#isClosed || dueMs === undefined || dueMs >= this.#timerDueMs) return;
    this.#clock.clearTimeout(this.#timer);
    this.#timerDueMs = dueMs;
    const delayMs = Math.max(0, dueMs - this.#clock.monotonicMs());
    this.#timer = this.#clock.setTimeout(() => this.#turn(), delayMs);
    this.#timer.unref();
  }

  #turn(): void {
    this.#timer = undefined;
    this.#timerDueMs = Infinity;
    const nowMs = this.#clock.monotonicMs();
    letGo(this.#held.expired(nowMs), 'timed-out');
    letGo(this.#held.recheck(nowMs, this.#options.maxOffsetOf), 'look-again');
    this.#arm();
  }
}

function letGo(pulls: readonly WaitingPull[], release: PullRelease): void {
  for (const pull of pulls) pull.letGo(release);
}
