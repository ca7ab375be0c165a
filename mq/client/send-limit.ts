import type { Clock } from '../clock.ts';
import { MqError } from '../errors.ts';
import { aborted } from './pause.ts';
import { SendStage } from './send-stage.ts';

export interface SendLimitOptions {
  readonly clock: Clock;
  /** Sends under way at a time. */
  readonly maxCount: number;
  /** Bytes of their bodies. */
  readonly maxBytes: number;
}

interface Waiter {
  readonly bytes: number;
  readonly enter: () => void;
}

/**
 * Bounds what one producer has under way, by count and by bytes. Who finds no room waits, in turn.
 *
 * A body larger than all the bytes there may be goes alone.
 */
export class SendLimit {
  readonly #options: SendLimitOptions;
  /** In their order; a Set, so that one that gives up leaves at no cost. */
  readonly #waiters = new Set<Waiter>();
  #count = 0;
  #bytes = 0;

  constructor(options: SendLimitOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /**
   * Does work that has `bytes` under way, as soon as there is room for it.
   *
   * Errors: TOO_MUCH_REQUEST (retriable, nothing was sent) when there was none by `deadlineMs` on the monotonic clock;
   *         REQUEST_ABORTED; those of the work.
   */
  async run<T>(
    topic: string,
    bytes: number,
    deadlineMs: number,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    if (this.#waiters.size === 0 && this.#fits(bytes)) this.#add(bytes);
    else await this.#room(topic, bytes, deadlineMs, signal);
    try {
      return await work();
    } finally {
      this.#count--;
      this.#bytes -= bytes;
      this.#admit();
    }
  }

  #fits(bytes: number): boolean {
    const { maxCount, maxBytes } = this.#options;
    return this.#count === 0 || (this.#count < maxCount && this.#bytes + bytes <= maxBytes);
  }

  #add(bytes: number): void {
    this.#count++;
    this.#bytes += bytes;
  }

  #room(
    topic: string,
    bytes: number,
    deadlineMs: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { clock } = this.#options;
    const startedMs = clock.monotonicMs();
    return new Promise((resolve, reject) => {
      const settle = (how: () => void): void => {
        clock.clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        this.#waiters.delete(waiter);
        how();
      };
      const giveUp = (error: MqError): void => {
        settle(() => reject(error));
        // It may have been what the others had to wait behind.
        this.#admit();
      };
      const abort = (): void => giveUp(aborted(signal));
      const waiter: Waiter = { bytes, enter: () => settle(resolve) };
      const timer = clock.setTimeout(
        () => giveUp(this.#noRoom(topic, bytes, clock.monotonicMs() - startedMs)),
        Math.max(deadlineMs - startedMs, 0),
      );
      this.#waiters.add(waiter);
      if (signal?.aborted === true) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
  }

  #admit(): void {
    for (const waiter of this.#waiters) {
      if (!this.#fits(waiter.bytes)) return;
      this.#add(waiter.bytes);
      waiter.enter();
    }
  }

  #noRoom(topic: string, bytes: number, waitedMs: number): MqError {
    const { maxCount, maxBytes } = this.#options;
    return new MqError(
      'TOO_MUCH_REQUEST',
      `message for ${topic} of ${bytes} bytes found no room for ${Math.round(waitedMs)} ms: ` +
        `${this.#count} sends are under way (backPressureForAsyncSendNum is ${maxCount}), ` +
        `with ${this.#bytes} bytes (backPressureForAsyncSendSize is ${maxBytes})`,
      {
        retriable: true,
        details: {
          stage: SendStage.IN_FLIGHT_LIMIT,
          topic,
          bytes,
          inFlight: this.#count,
          maxInFlight: maxCount,
          inFlightBytes: this.#bytes,
          maxInFlightBytes: maxBytes,
          waiting: this.#waiters.size,
        },
      },
    );
  }
}
