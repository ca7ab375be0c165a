import { encodeJsonBody, JsonBody } from './json-body.ts';
import { messageQueueJson, readMessageQueue, type MessageQueue } from './message-queue.ts';

/** How far a group has come in one queue. */
export interface QueueConsumeStats {
  /** The entry the next message will get. */
  readonly brokerOffset: number;
  /** The entry the group resumes at; 0 without progress. */
  readonly consumerOffset: number;
  /** The entry it has asked for last; 4.9 does not know it. */
  readonly pullOffset: number;
  /** When the last message it has consumed was stored, ms since epoch; 0 when it has consumed none that is still kept. */
  readonly lastTimestamp: number;
}

/** The body of the reply to GET_CONSUME_STATS. Units: consumeTps in messages handed out per second. */
export function encodeConsumeStats(
  queues: ReadonlyMap<MessageQueue, QueueConsumeStats>,
  consumeTps: number,
): Buffer {
  const offsetTable = new Map(
    Array.from(queues, ([queue, stats]) => {
      const { brokerOffset, consumerOffset, lastTimestamp, pullOffset } = stats;
      return [messageQueueJson(queue), { brokerOffset, consumerOffset, lastTimestamp, pullOffset }];
    }),
  );
  return encodeJsonBody({ consumeTps, offsetTable });
}

/** What a group has done in each queue. Errors: INVALID_ARGUMENT naming the field. */
export function decodeConsumeStats(body: Buffer | undefined): Map<MessageQueue, QueueConsumeStats> {
  return new Map(
    JsonBody.parse(body, 'ConsumeStats')
      .objectsByObject('offsetTable')
      .map(([queue, stats]) => [
        readMessageQueue(queue),
        {
          brokerOffset: stats.integer('brokerOffset'),
          consumerOffset: stats.integer('consumerOffset'),
          pullOffset: stats.integer('pullOffset', 0),
          lastTimestamp: stats.integer('lastTimestamp', 0),
        },
      ]),
  );
}
