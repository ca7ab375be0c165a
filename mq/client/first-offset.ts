import type { ConsumeFromWhere } from '../protocol/heartbeat.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { isRetryTopic } from '../protocol/names.ts';
import { getMaxOffset } from '../protocol/requests/get-max-offset.ts';
import { searchOffsetByTimestamp } from '../protocol/requests/search-offset-by-timestamp.ts';
import type { MqClient } from './mq-client.ts';
import type { FirstOffset, OffsetStore } from './offset-store.ts';

export interface StartingPoint {
  consumerGroup: string;
  consumeFromWhere: ConsumeFromWhere;
  /** For CONSUME_FROM_TIMESTAMP; ms since epoch. */
  consumeTimestampMs: number;
}

export interface FirstOffsetOptions {
  progress: Pick<OffsetStore, 'stored'>;
  /** Where the group has been before, should the broker have lost its progress. */
  remembered?: number | undefined;
  signal: AbortSignal;
}

/**
 * Where a consumer group begins in a queue it has just got: at its stored progress, else where the group was told to
 * start. consumeFromWhere thus only matters the first time. Brokers answer 0 themselves for young queues whose first message
 * is still in memory, so that a new CONSUME_FROM_LAST_OFFSET group may start at their beginning.
 *
 * Errors: those of the broker; QUERY_NOT_FOUND is not one.
 */
export async function firstOffset(
  client: MqClient,
  address: string,
  queue: MessageQueue,
  start: StartingPoint,
  { progress, remembered, signal }: FirstOffsetOptions,
): Promise<FirstOffset> {
  const { topic, queueId } = queue;
  const options = { signal };
  const stored = await progress.stored(address, signal);
  if (stored !== undefined) return stored;
  return { queueOffset: remembered ?? (await configuredOffset()), isStored: false };

  async function configuredOffset(): Promise<number> {
    // Retries of a group exist because of the group: it wants all of them.
    if (isRetryTopic(topic) || start.consumeFromWhere === 'CONSUME_FROM_FIRST_OFFSET') return 0;
    const { header } =
      start.consumeFromWhere === 'CONSUME_FROM_TIMESTAMP'
        ? await client.call(
            address,
            searchOffsetByTimestamp,
            { topic, queueId, timestamp: start.consumeTimestampMs },
            options,
          )
        : await client.call(address, getMaxOffset, { topic, queueId }, options);
    return header.offset;
  }
}
