import { encodeJsonBody, JsonBody } from './json-body.ts';
import { messageQueueJson, readMessageQueue, type MessageQueue } from './message-queue.ts';

/**
 * The body of the reply to GET_CONSUMER_STATUS_FROM_CLIENT, a map with queues for keys:
 *
 *     {"messageQueueTable":{{"brokerName":"broker-a","queueId":0,"topic":"T"}:12}}
 *
 * Units: queueOffset → the entry the consumer would resume at.
 */
export function encodeConsumerStatus(offsets: ReadonlyMap<MessageQueue, number>): Buffer {
  const table = new Map(Array.from(offsets, ([queue, at]) => [messageQueueJson(queue), at]));
  return encodeJsonBody({ messageQueueTable: table });
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeConsumerStatus(body: Buffer | undefined): Map<MessageQueue, number> {
  const json = JsonBody.parse(body, 'GetConsumerStatusBody');
  return new Map(
    json
      .integersByObject('messageQueueTable')
      .map(([queue, queueOffset]) => [readMessageQueue(queue), queueOffset]),
  );
}
