import type { Broker } from '../broker/broker.ts';
import { MqError } from '../errors.ts';
import { retryTopic } from '../protocol/names.ts';
import { delayedMessages, type DelayedMessage } from './delayed-messages.ts';
import { formatDuration, parseDuration, type Duration } from './duration.ts';
import { lagOf } from './group-progress.ts';
import type { TestClock } from './test-clock.ts';
import { waitFor, type WaitOptions } from './waiting.ts';

export interface DrainOptions extends WaitOptions {
  /** Farthest that the clock is moved. Default `1d`. */
  maxAdvance?: Duration | undefined;
}

const DEFAULT_MAX_ADVANCE: Duration = '1d';

export interface GroupWaitsDeps {
  /** Errors: when it does not run. */
  readonly broker: () => Broker;
  readonly clock: TestClock;
  readonly timeoutMs: number;
}

/** Waits for a consumer group to be done with a topic, with and without moving the clock. */
export class GroupWaits {
  readonly #deps: GroupWaitsDeps;

  constructor(deps: GroupWaitsDeps) {
    this.#deps = deps;
  }

  /** Errors: REQUEST_TIMEOUT saying what is not consumed. */
  async consumed(
    group: string,
    topic: string,
    { timeoutMs = this.#deps.timeoutMs }: WaitOptions = {},
  ): Promise<void> {
    await waitFor(
      async () => ((await this.#isConsumed(group, topic)) ? true : undefined),
      timeoutMs,
      () => this.#explain(group, topic),
    );
  }

  /** Errors: REQUEST_TIMEOUT saying what is not consumed, or what waits for longer than maxAdvance. */
  async drain(group: string, topic: string, options: DrainOptions = {}): Promise<void> {
    const maxAdvanceMs = parseDuration(options.maxAdvance ?? DEFAULT_MAX_ADVANCE);
    const { clock } = this.#deps;
    const startMs = clock.monotonicMs();
    for (;;) {
      await this.consumed(group, topic, options);
      const waiting = await this.#waitingAlone(group, topic);
      if (waiting === undefined) continue;
      const [first] = waiting;
      if (first === undefined) return;
      const waitMs = Math.max(1, first.deliverMs - clock.now());
      if (clock.monotonicMs() - startMs + waitMs > maxAdvanceMs) {
        throw new MqError(
          'REQUEST_TIMEOUT',
          `${waiting.length} messages wait for ${group} or ${topic}, the first for ${formatDuration(waitMs)} more; ` +
            `the clock may move by ${formatDuration(maxAdvanceMs)} in all (maxAdvance)`,
        );
      }
      await clock.advance(waitMs);
    }
  }

  /** In this order: a message goes from the topic to the retry topic, never back. */
  async #isConsumed(group: string, topic: string): Promise<boolean> {
    const broker = this.#deps.broker();
    if ((await lagOf(broker, group, topic)) > 0) return false;
    return (await lagOf(broker, group, retryTopic(group))) === 0;
  }

  /**
   * What waits for its time while nothing is being consumed; undefined when that is not so. Every message that moves is
   * stored anew: where the log has not grown between the first look and the last, nothing has moved unseen.
   */
  async #waitingAlone(group: string, topic: string): Promise<DelayedMessage[] | undefined> {
    const broker = this.#deps.broker();
    const { maxCommitLogOffset } = broker.store;
    const waiting = [
      ...(await delayedMessages(broker, topic)),
      ...(await delayedMessages(broker, retryTopic(group))),
    ];
    const isStill =
      (await this.#isConsumed(group, topic)) &&
      broker.store.maxCommitLogOffset === maxCommitLogOffset;
    return isStill ? waiting.toSorted((a, b) => a.deliverMs - b.deliverMs) : undefined;
  }

  async #explain(group: string, topic: string): Promise<string> {
    const broker = this.#deps.broker();
    const consumers = broker.context.consumers.get(group);
    const lag = await lagOf(broker, group, topic);
    const retryLag = await lagOf(broker, group, retryTopic(group));
    const parts = [`group ${group} has ${lag} messages of ${topic} to consume`];
    if (retryLag > 0) parts.push(`${retryLag} retries`);
    if (consumers === undefined) parts.push('no consumer of it is connected');
    else if (!consumers.subscriptions.has(topic)) {
      parts.push(`its consumers subscribe to ${[...consumers.subscriptions.keys()].join(', ')}`);
    }
    return parts.join(', ');
  }
}
