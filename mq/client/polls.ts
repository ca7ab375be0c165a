import type { Clock } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { ConsumedMessage } from './consumed-message.ts';

export interface Poll {
  maxCount: number;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

interface WaitingPoll {
  readonly maxCount: number;
  settle(how: () => ConsumedMessage[]): void;
}

/**
 * The application's polls that wait for messages, served in the order they came.
 *
 * One that finds something is served at once, but only one in a turn of the event loop: an application that never waits
 * would otherwise hold up its own heartbeats.
 */
export class Polls {
  readonly #clock: Clock;
  /** Hands out at most so many messages, none if there is none. May throw, which is the poll's outcome. */
  readonly #take: (maxCount: number) => ConsumedMessage[];
  readonly #waiting = new Set<WaitingPoll>();
  #turn: Promise<void> | undefined;
  #isEnded = false;

  constructor(clock: Clock, take: (maxCount: number) => ConsumedMessage[]) {
    this.#clock = clock;
    this.#take = take;
  }

  /** Resolves with nothing when the time is over, or `end` is called. Errors: REQUEST_ABORTED; whatever `take` throws. */
  async next({ maxCount, timeoutMs, signal }: Poll): Promise<ConsumedMessage[]> {
    while (this.#turn !== undefined) await this.#turn;
    if (signal?.aborted === true) throw aborted(signal);
    if (this.#isEnded) return [];
    this.#turn = new Promise((resolve) => {
      setImmediate(() => {
        this.#turn = undefined;
        resolve();
      });
    });
    if (this.#waiting.size === 0) {
      const messages = this.#take(maxCount);
      if (messages.length > 0) return messages;
    }
    if (timeoutMs === 0) return [];
    return this.#wait({ maxCount, timeoutMs, signal });
  }

  /** There may be something to hand out. */
  serve(): void {
    for (const poll of this.#waiting) {
      let messages: ConsumedMessage[];
      try {
        messages = this.#take(poll.maxCount);
      } catch (error) {
        poll.settle(() => {
          throw error;
        });
        continue;
      }
      if (messages.length === 0) return;
      poll.settle(() => messages);
    }
  }

  /** Nothing comes any more: whoever waits gets nothing. */
  end(): void {
    this.#isEnded = true;
    for (const poll of this.#waiting) poll.settle(() => []);
  }

  #wait({ maxCount, timeoutMs, signal }: Poll): Promise<ConsumedMessage[]> {
    return new Promise((resolve, reject) => {
      const abort = (): void =>
        poll.settle(() => {
          throw aborted(signal);
        });
      const timer = this.#clock.setTimeout(() => poll.settle(() => []), timeoutMs);
      const poll: WaitingPoll = {
        maxCount,
        settle: (how) => {
          this.#waiting.delete(poll);
          this.#clock.clearTimeout(timer);
          signal?.removeEventListener('abort', abort);
          try {
            resolve(how());
          } catch (error) {
            reject(error);
          }
        },
      };
      this.#waiting.add(poll);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }
}

function aborted(signal: AbortSignal | undefined): MqError {
  return new MqError('REQUEST_ABORTED', 'the poll was aborted', { cause: signal?.reason });
}
