import type { MessageQueue } from '../protocol/message-queue.ts';
import { getMaxOffset } from '../protocol/requests/get-max-offset.ts';
import { getMinOffset } from '../protocol/requests/get-min-offset.ts';
import { searchOffsetByTimestamp } from '../protocol/requests/search-offset-by-timestamp.ts';
import { storedOffset } from './group-offsets.ts';
import type { MqClient } from './mq-client.ts';

export interface SearchOffsetOptions {
  /**
   * 'lower', the default: the first message stored at the time or later, the end of the queue when all are older.
   * 'upper': the last one stored at the time or earlier, the first message when all are younger. Brokers of 4.x know the
   * lower one only.
   */
  boundary?: 'lower' | 'upper';
}

/**
 * Asks brokers about the offsets of a queue, all of them entry indexes.
 *
 * Errors: of every call, those of `addressOf` and of `MqClient.call`.
 */
export class QueueOffsets {
  readonly #client: MqClient;
  readonly #addressOf: (queue: MessageQueue) => Promise<string>;

  constructor(client: MqClient, addressOf: (queue: MessageQueue) => Promise<string>) {
    this.#client = client;
    this.#addressOf = addressOf;
  }

  /** Of the oldest message kept. */
  async min(queue: MessageQueue): Promise<number> {
    const { topic, queueId } = queue;
    const address = await this.#addressOf(queue);
    const { header } = await this.#client.call(address, getMinOffset, { topic, queueId });
    // Originals say −1 of a queue that never held anything.
    return Math.max(header.offset, 0);
  }

  /** The one that the next message will get. */
  async max(queue: MessageQueue): Promise<number> {
    const { topic, queueId } = queue;
    const address = await this.#addressOf(queue);
    return (await this.#client.call(address, getMaxOffset, { topic, queueId })).header.offset;
  }

  /** Of the message stored at a time, ms since epoch; see `SearchOffsetOptions`. */
  async atTime(
    queue: MessageQueue,
    timestampMs: number,
    { boundary = 'lower' }: SearchOffsetOptions = {},
  ): Promise<number> {
    const { topic, queueId } = queue;
    const boundaryType = boundary === 'upper' ? 'upper' : undefined;
    const values = { topic, queueId, timestamp: timestampMs, boundaryType };
    const address = await this.#addressOf(queue);
    return (await this.#client.call(address, searchOffsetByTimestamp, values)).header.offset;
  }

  /** Where the group resumes; undefined when it has no progress in the queue. */
  async stored(consumerGroup: string, queue: MessageQueue): Promise<number | undefined> {
    const address = await this.#addressOf(queue);
    return storedOffset(this.#client, { address, consumerGroup, queue });
  }
}
