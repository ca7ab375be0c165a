import { MqError } from '../errors.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { queryConsumerOffset } from '../protocol/requests/query-consumer-offset.ts';
import { updateConsumerOffset } from '../protocol/requests/update-consumer-offset.ts';
import type { MqClient } from './mq-client.ts';

/** One consumer group in one queue, and the broker to ask about it. */
export interface GroupQueue {
  address: string;
  consumerGroup: string;
  queue: MessageQueue;
}

/** Where the group resumes, an entry index; undefined when it has no progress in the queue. Errors: as `MqClient.call`. */
export async function storedOffset(
  client: MqClient,
  { address, consumerGroup, queue }: GroupQueue,
): Promise<number | undefined> {
  try {
    const reply = await client.call(address, queryConsumerOffset, {
      consumerGroup,
      topic: queue.topic,
      queueId: queue.queueId,
      setZeroIfNotFound: false,
    });
    return reply.header.offset;
  } catch (error) {
    if (MqError.is(error) && error.code === 'QUERY_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Errors: as `MqClient.call`. */
export async function storeOffset(
  client: MqClient,
  { address, consumerGroup, queue }: GroupQueue,
  queueOffset: number,
): Promise<void> {
  await client.call(address, updateConsumerOffset, {
    consumerGroup,
    topic: queue.topic,
    queueId: queue.queueId,
    commitOffset: queueOffset,
  });
}
