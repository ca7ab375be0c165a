import type { Clock } from '../clock.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';

/** How long a lock is trusted after it was asked for: half of the 60 s for which the broker then keeps others out. */
const TRUSTED_MS = 30_000;

/** When a request was sent, on both clocks: neither alone sees every pause of this process or its machine. */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export function instant(clock: Clock): Instant {
  return { monotonicMs: clock.monotonicMs(), wallMs: clock.now() };
}

/**
 * One stretch of time without a gap in which a queue is locked for this member.
 *
 * It ends for good when the broker says so, when the broker may have forgotten the lock, or when it was not renewed in
 * time, whichever is noticed first. Somebody else may have had the queue since; a lock that is got again is another hold.
 */
export class LockHold {
  readonly #clock: Clock;
  #asked: Instant;
  #isOver = false;

  constructor(clock: Clock, asked: Instant) {
    this.#clock = clock;
    this.#asked = asked;
  }

  get isTrusted(): boolean {
    if (!this.#isOver && this.#ageMs() >= TRUSTED_MS) this.#isOver = true;
    return !this.#isOver;
  }

  /** When it was asked for last, ms since epoch. */
  get renewedAt(): number {
    return this.#asked.wallMs;
  }

  renew(asked: Instant): void {
    this.#asked = asked;
  }

  end(): void {
    this.#isOver = true;
  }

  /** A machine that slept has a monotonic clock that slept, too; a wall clock that was set back has seen too little. */
  #ageMs(): number {
    return Math.max(
      this.#clock.monotonicMs() - this.#asked.monotonicMs,
      this.#clock.now() - this.#asked.wallMs,
    );
  }
}

/** The broker lock of one queue that this member wants to have. */
export class QueueLock {
  readonly queue: MessageQueue;
  readonly #clock: Clock;
  #hold: LockHold | undefined;
  /** Address of the broker that granted it: a lock is known there and nowhere else. */
  #grantedBy: string | undefined;
  #onGained: ((hold: LockHold) => void)[] = [];

  constructor(queue: MessageQueue, clock: Clock) {
    this.queue = queue;
    this.#clock = clock;
  }

  /** undefined while the queue is not this member's. */
  get hold(): LockHold | undefined {
    return this.#hold?.isTrusted === true ? this.#hold : undefined;
  }

  get grantedBy(): string | undefined {
    return this.hold === undefined ? undefined : this.#grantedBy;
  }

  /** Settles when the lock is held, which may be never. */
  held(): Promise<LockHold> {
    const { hold } = this;
    if (hold !== undefined) return Promise.resolve(hold);
    return new Promise((resolve) => this.#onGained.push(resolve));
  }

  /** Returns true when this begins a new hold. */
  granted(asked: Instant, address: string): boolean {
    const { hold } = this;
    if (hold !== undefined && this.#grantedBy === address) {
      hold.renew(asked);
      return false;
    }
    hold?.end();
    const gained = new LockHold(this.#clock, asked);
    // The answer may have taken longer than the lock is worth.
    if (!gained.isTrusted) return false;
    this.#hold = gained;
    this.#grantedBy = address;
    const waiting = this.#onGained;
    this.#onGained = [];
    for (const resolve of waiting) resolve(gained);
    return true;
  }

  /** Returns true when there was a hold to end, even one that had run out unnoticed. */
  lost(): boolean {
    const hadHold = this.#hold !== undefined;
    this.#hold?.end();
    this.#hold = undefined;
    return hadHold;
  }
}
