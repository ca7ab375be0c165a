import { randomInt } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';

const FIRST_AVOIDANCE_MS = 1_000;
const LONGEST_AVOIDANCE_MS = 30_000;

interface Failure {
  untilMs: number;
  avoidanceMs: number;
}

/**
 * Picks the queue for the next message: in turn over a topic's queues, leaving out brokers that failed lately.
 *
 * A failed broker is avoided for 1 s, doubling to 30 s with each further failure; one success clears it. Avoidance is
 * a preference: when nothing else is left, the failed broker is tried.
 */
export class QueueSelector {
  readonly #clock: Clock;
  readonly #turns = new Map<string, number>();
  readonly #failures = new Map<string, Failure>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `lastFailed` is the broker the same message failed on just now. undefined when there are no queues. */
  next(
    topic: string,
    queues: readonly MessageQueue[],
    lastFailed?: string,
  ): MessageQueue | undefined {
    const start = this.#turns.get(topic) ?? randomInt(1 << 16);
    this.#turns.set(topic, (start + 1) % Number.MAX_SAFE_INTEGER);
    const inTurn = (isGood: (queue: MessageQueue) => boolean): MessageQueue | undefined => {
      for (let step = 0; step < queues.length; step++) {
        const queue = queues[(start + step) % queues.length]!;
        if (isGood(queue)) return queue;
      }
      return undefined;
    };
    return (
      inTurn((queue) => queue.brokerName !== lastFailed && !this.isAvoided(queue.brokerName)) ??
      inTurn((queue) => queue.brokerName !== lastFailed) ??
      inTurn(() => true)
    );
  }

  failed(brokerName: string): void {
    const before = this.#failures.get(brokerName)?.avoidanceMs;
    const avoidanceMs =
      before === undefined ? FIRST_AVOIDANCE_MS : Math.min(before * 2, LONGEST_AVOIDANCE_MS);
    this.#failures.set(brokerName, {
      avoidanceMs,
      untilMs: this.#clock.monotonicMs() + avoidanceMs,
    });
  }

  succeeded(brokerName: string): void {
    this.#failures.delete(brokerName);
  }

  isAvoided(brokerName: string): boolean {
    const failure = this.#failures.get(brokerName);
    return failure !== undefined && failure.untilMs > this.#clock.monotonicMs();
  }
}
