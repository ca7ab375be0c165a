import type { Clock } from '../clock.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { assertWholeNumber } from './argument-checks.ts';
import type { Assignment, AssignmentChange } from './assignment.ts';
import type { Delivery } from './consume-dispatcher.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { HandedOut } from './handed-out.ts';
import type { PollingSettings } from './lite-pull-consumer-options.ts';
import { Polls, type Poll } from './polls.ts';
import { PrefetchedMessages } from './prefetched-messages.ts';
import type { QueueOffsets } from './queue-offsets.ts';
import type { QueuePuller } from './queue-puller.ts';
import { assignedPuller, Seeks } from './seeks.ts';

export interface PollingOptions extends PollingSettings {
  assignment: Assignment;
  offsets: QueueOffsets;
  clock: Clock;
}

/** What a pull consumer does with what it has fetched: hands it out when asked, and knows how far that counts as consumed. */
export class Polling {
  readonly seeks: Seeks;
  readonly #options: PollingOptions;
  readonly #prefetched: PrefetchedMessages;
  readonly #polls: Polls;
  readonly #handedOut: HandedOut;

  constructor(options: PollingOptions) {
    const { assignment, offsets, clock } = options;
    this.#options = options;
    this.#handedOut = new HandedOut(assignment);
    this.#prefetched = new PrefetchedMessages((queue) => {
      this.#handedOut.add(queue);
      assignment.puller(queue)?.hasRoom();
    });
    this.#polls = new Polls(clock, (maxCount) => this.#prefetched.take(maxCount));
    this.seeks = new Seeks({
      assignment,
      offsets,
      prefetched: this.#prefetched,
      onMoved: (queue) => {
        this.#handedOut.add(queue);
        this.#prefetched.forgetDropped();
      },
      onEnd: () => this.#polls.serve(),
    });
  }

  get isFull(): boolean {
    return this.#prefetched.count >= this.#options.maxPrefetchedCount;
  }

  submit(deliveries: readonly Delivery[]): void {
    this.#prefetched.submit(deliveries);
    this.#polls.serve();
  }

  /** Errors: as `Polls.next`. */
  next(poll: Poll): Promise<ConsumedMessage[]> {
    if (this.#options.autoCommit) this.#handedOut.settle();
    return this.#polls.next(poll);
  }

  /** See `LitePullConsumer.commit`. */
  async commit(offsets: readonly (readonly [MessageQueue, number])[] | undefined): Promise<void> {
    const pullers = offsets === undefined ? this.#settleAll() : this.#settleAt(offsets);
    const outcomes = await Promise.allSettled(pullers.map((puller) => puller.commit()));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** Progress has just been reported. */
  reported(): void {
    this.#handedOut.everyQueueIsDue();
  }

  assignmentChanged({ removed }: AssignmentChange): void {
    for (const queue of removed) this.#handedOut.delete(queue);
    this.#prefetched.forgetDropped();
  }

  /** Polls that wait, and those to come, get nothing. */
  end(): void {
    this.#polls.end();
  }

  #settleAll(): QueuePuller[] {
    this.#handedOut.settleEveryQueue();
    return [...this.#options.assignment.pullers()];
  }

  #settleAt(offsets: readonly (readonly [MessageQueue, number])[]): QueuePuller[] {
    const targets = offsets.map(([queue, queueOffset]) => {
      assertWholeNumber('offset', queueOffset, 0);
      return { puller: assignedPuller(this.#options.assignment, queue), queueOffset };
    });
    for (const { puller, queueOffset } of targets) puller.settleAt(queueOffset);
    return targets.map(({ puller }) => puller);
  }
}
