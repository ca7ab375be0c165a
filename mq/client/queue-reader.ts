import { MqError } from '../errors.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import type { MessageExt } from '../protocol/message.ts';
import { ResponseCode } from '../protocol/response-code.ts';
import { SUBSCRIBE_ALL, tagSubscription } from '../protocol/subscription.ts';
import { decodePull } from './fetched-messages.ts';
import type { MqClient } from './mq-client.ts';
import { pullOnce } from './single-pull.ts';

/** RocketMQ's own group for tools: every broker knows it, and it may read whatever a group's settings forbid. */
const TOOLS_GROUP = 'TOOLS_CONSUMER';
const PAGE_COUNT = 32;

/** A stretch of one queue: entries `[from, to)`. */
export interface QueueStretch {
  address: string;
  queue: MessageQueue;
  from: number;
  to: number;
}

/**
 * Reads a stretch of a queue in pages, as tools do: nobody's progress is used or changed.
 *
 * Entries that are no longer kept are passed over.
 * Errors: those of `MqClient.call`; MESSAGE_CORRUPT at a record whose lengths make no sense; PULL_NOT_FOUND when the
 *         broker has nothing at an offset before `to`.
 */
export async function* readQueue(
  client: MqClient,
  { address, queue, from, to }: QueueStretch,
): AsyncGenerator<MessageExt[]> {
  for (let offset = from; offset < to;) {
    const { code, header, body } = await pullOnce(client, {
      address,
      consumerGroup: TOOLS_GROUP,
      queue,
      queueOffset: offset,
      maxMsgNums: Math.min(PAGE_COUNT, to - offset),
      subscription: tagSubscription(queue.topic, SUBSCRIBE_ALL, 0),
    });
    if (header.nextBeginOffset <= offset) {
      throw new MqError(
        'PULL_NOT_FOUND',
        `${queueKey(queue)} has nothing at offset ${offset} although it ends at ${to}`,
        { retriable: true, details: { offset, to } },
      );
    }
    if (code === ResponseCode.SUCCESS && body !== undefined) {
      const { records, broken } = decodePull(body);
      const wanted = records.filter(({ queueOffset }) => queueOffset >= offset && queueOffset < to);
      if (wanted.length > 0) yield wanted;
      if (broken !== undefined) {
        const at = (records.at(-1)?.queueOffset ?? offset - 1) + 1;
        throw new MqError(
          'MESSAGE_CORRUPT',
          `${queueKey(queue)} cannot be read beyond offset ${at}: ${broken.message}`,
          { cause: broken },
        );
      }
    }
    offset = header.nextBeginOffset;
  }
}
