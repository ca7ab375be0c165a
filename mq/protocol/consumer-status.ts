import type { JsonSource } from './fast-json.ts';
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
  return encodeJsonBody({ messageQueueTable: statusJson(offsets) });
}

/** The body of the reply to INVOKE_BROKER_TO_GET_CONSUMER_STATUS: the same of several consumers, by clientId. */
export function encodeStatusOfConsumers(
  consumers: ReadonlyMap<string, ReadonlyMap<MessageQueue, number>>,
): Buffer {
  return encodeJsonBody({
    consumerTable: Object.fromEntries(
      Array.from(consumers, ([clientId, offsets]) => [clientId, statusJson(offsets)]),
    ),
    messageQueueTable: {},
  });
}

function statusJson(offsets: ReadonlyMap<MessageQueue, number>): JsonSource {
  return new Map(Array.from(offsets, ([queue, at]) => [messageQueueJson(queue), at]));
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
