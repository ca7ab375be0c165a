import { randomInt } from 'node:crypto';
import type { MessageQueue } from '../protocol/message-queue.ts';
import type { FaultTolerance } from './fault-tolerance.ts';

/**
 * Picks the queue for the next message: in turn over a topic's queues, leaving out those of brokers on which this message
 * has failed, then those of brokers to be avoided. Both are preferences: when nothing else is left, the least bad is taken.
 */
export class QueueSelector {
  readonly #faults: FaultTolerance;
  readonly #turns = new Map<string, number>();

  constructor(faults: FaultTolerance) {
    this.#faults = faults;
  }

  /** `failedOn` are the brokers that the same message failed on, the latest last. undefined when there are no queues. */
  next(
    topic: string,
    queues: readonly MessageQueue[],
    failedOn: readonly string[] = [],
  ): MessageQueue | undefined {
    const turn = this.#turns.get(topic) ?? randomInt(1 << 16);
    this.#turns.set(topic, (turn + 1) % Number.MAX_SAFE_INTEGER);
    const candidates = this.#candidates(queues, failedOn);
    const queue = candidates[turn % candidates.length];
    if (queue !== undefined) this.#faults.note(queue.brokerName, { type: 'tried' });
    return queue;
  }

  /** Nothing is sent to the topic any more: the next message to it begins anew, anywhere. */
  forget(topic: string): void {
    this.#turns.delete(topic);
  }

  /** Counted in turn, none of these gets what was meant for one that is left out. */
  #candidates(
    queues: readonly MessageQueue[],
    failedOn: readonly string[],
  ): readonly MessageQueue[] {
    if (failedOn.length === 0 && this.#faults.isEmpty) return queues;
    const rest = notFailed(queues, failedOn);
    const good = rest.filter(({ brokerName }) => !this.#faults.isAvoided(brokerName));
    if (good.length > 0) return good;
    const best = this.#faults.leastBad(new Set(rest.map(({ brokerName }) => brokerName)));
    return rest.filter(({ brokerName }) => brokerName === best);
  }
}

/** Queues of brokers that were not tried yet; else of all but the last one; else all. */
function notFailed(
  queues: readonly MessageQueue[],
  failedOn: readonly string[],
): readonly MessageQueue[] {
  if (failedOn.length === 0) return queues;
  const untried = queues.filter(({ brokerName }) => !failedOn.includes(brokerName));
  if (untried.length > 0) return untried;
  const others = queues.filter(({ brokerName }) => brokerName !== failedOn.at(-1));
  return others.length > 0 ? others : queues;
}
