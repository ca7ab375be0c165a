import { MqError } from '../errors.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import { updateConsumerOffset } from '../protocol/requests/update-consumer-offset.ts';
import type { MqClient } from './mq-client.ts';
import type { RouteCache } from './route-cache.ts';

/**
 * What the broker knows of a group's progress in one queue.
 *
 * Reports are acknowledged requests, not oneway ones: a report that got lost is made again. One at a time is under way,
 * so that an older one never overwrites a newer one.
 */
export class Progress {
  readonly #client: MqClient;
  readonly #routes: RouteCache;
  readonly #queue: MessageQueue;
  readonly #consumerGroup: string;
  #knownOffset: number | undefined;
  #acknowledgedOffset: number | undefined;
  #reporting: Promise<void> = Promise.resolve();

  constructor(client: MqClient, routes: RouteCache, queue: MessageQueue, consumerGroup: string) {
    this.#client = client;
    this.#routes = routes;
    this.#queue = queue;
    this.#consumerGroup = consumerGroup;
  }

  /** What the broker told or acknowledged last, which it may have forgotten since. */
  get acknowledgedOffset(): number | undefined {
    return this.#acknowledgedOffset;
  }

  /** The broker itself said so. */
  isKnown(queueOffset: number): void {
    this.#knownOffset = queueOffset;
    this.#acknowledgedOffset = queueOffset;
  }

  /** The broker may know less than it acknowledged: it stores progress only every few seconds. */
  forget(): void {
    this.#knownOffset = undefined;
  }

  /**
   * Never rejects: a report that fails is logged and is due again. `counts` is asked when the report's turn has come: the
   * queue may have another owner by then.
   */
  report(queueOffset: number, counts: () => boolean = () => true): Promise<void> {
    this.#reporting = this.#reporting.then(() => this.#report(queueOffset, counts));
    return this.#reporting;
  }

  async #report(queueOffset: number, counts: () => boolean): Promise<void> {
    if (queueOffset === this.#knownOffset || !counts()) return;
    const { topic, queueId, brokerName } = this.#queue;
    const address = this.#routes.anyAddress(brokerName);
    if (address === undefined) return;
    try {
      await this.#client.call(address, updateConsumerOffset, {
        consumerGroup: this.#consumerGroup,
        topic,
        queueId,
        commitOffset: queueOffset,
      });
      this.isKnown(queueOffset);
    } catch (error) {
      if (!MqError.is(error)) throw error;
      this.#client.settings.logger.debug('a broker did not take a progress report', {
        queue: queueKey(this.#queue),
        queueOffset,
        error: error.message,
      });
    }
  }
}
