import { encodeJsonBody } from './json-body.ts';
import { messageQueueJson, type MessageQueue } from './message-queue.ts';

/** What one queue of a topic holds: entries `[minOffset, maxOffset)`, the last of them stored at a time, 0 without any. */
export interface QueueStats {
  readonly minOffset: number;
  readonly maxOffset: number;
  /** ms since epoch. */
  readonly lastUpdateTimestamp: number;
}

/**
 * The body of the reply to GET_TOPIC_STATS_INFO, a map with queues for keys:
 *
 *     {"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"T"}:{"lastUpdateTimestamp":…,"maxOffset":8,"minOffset":0}},
 *      "topicPutTps":0.5}
 *
 * Units: topicPutTps in messages per second; 4.9 does not know it.
 */
export function encodeTopicStats(
  queues: ReadonlyMap<MessageQueue, QueueStats>,
  topicPutTps: number,
): Buffer {
  const offsetTable = new Map(
    Array.from(queues, ([queue, { lastUpdateTimestamp, maxOffset, minOffset }]) => [
      messageQueueJson(queue),
      { lastUpdateTimestamp, maxOffset, minOffset },
    ]),
  );
  return encodeJsonBody({ offsetTable, topicPutTps });
}
