import { MqError } from '../errors.ts';
import { formatFastJson, parseFastJson } from './fast-json.ts';
import { JsonBody } from './json-body.ts';
import { messageQueueJson, readMessageQueue, type MessageQueue } from './message-queue.ts';

/**
 * The text of `offsets.json`, in which a broadcasting consumer keeps its progress. Queues are the keys of a map:
 *
 *     {"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"T"}:12}}
 *
 * Units:  queueOffset → the entry the consumer resumes at.
 * Source: RocketMQ 5.3 OffsetSerializeWrapper.java; 4.9 and 5.x write the same with other blanks.
 */
export function formatLocalOffsets(offsets: Iterable<readonly [MessageQueue, number]>): string {
  const table = new Map(Array.from(offsets, ([queue, at]) => [messageQueueJson(queue), at]));
  return formatFastJson({ offsetTable: table });
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function parseLocalOffsets(text: string): [MessageQueue, number][] {
  const json = JsonBody.of(parseFastJson(text), 'offsets.json');
  return json.integersByObject('offsetTable').map(([queue, queueOffset]) => {
    if (queueOffset >= 0) return [readMessageQueue(queue), queueOffset];
    throw new MqError('INVALID_ARGUMENT', `offsets.json.offsetTable has the offset ${queueOffset}`);
  });
}
