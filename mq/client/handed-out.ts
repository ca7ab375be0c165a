import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import type { Assignment } from './assignment.ts';

/**
 * The queues that something was handed out of and that are not said to be consumed so far yet.
 *
 * To settle is to say so; what is settled is what gets reported. Once in a while every queue is settled: what brokers filter
 * out moves a position, too.
 */
export class HandedOut {
  readonly #assignment: Assignment;
  readonly #queues = new Map<string, MessageQueue>();
  #isEveryQueueDue = true;

  constructor(assignment: Assignment) {
    this.#assignment = assignment;
  }

  add(queue: MessageQueue): void {
    this.#queues.set(queueKey(queue), queue);
  }

  delete(queue: MessageQueue): void {
    this.#queues.delete(queueKey(queue));
  }

  everyQueueIsDue(): void {
    this.#isEveryQueueDue = true;
  }

  /** What was handed out until now is consumed. */
  settle(): void {
    if (this.#isEveryQueueDue) {
      this.settleEveryQueue();
      return;
    }
    for (const queue of this.#queues.values()) this.#assignment.puller(queue)?.settle();
    this.#queues.clear();
  }

  settleEveryQueue(): void {
    for (const puller of this.#assignment.pullers()) puller.settle();
    this.#queues.clear();
    this.#isEveryQueueDue = false;
  }
}
