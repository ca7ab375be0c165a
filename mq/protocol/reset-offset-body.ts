import { MqError } from '../errors.ts';
import { encodeJsonBody, JsonBody } from './json-body.ts';
import type { LanguageName } from './language-code.ts';
import {
  messageQueueJson,
  queueKey,
  readMessageQueue,
  type MessageQueue,
} from './message-queue.ts';

/**
 * The body of RESET_CONSUMER_CLIENT_OFFSET, and of the reply to INVOKE_BROKER_TO_RESET_OFFSET: where a group goes on.
 *
 *     {"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"T"}:12}}      to everybody
 *     {"offsetTable":[{"brokerName":"broker-a","offset":12,"queueId":0,"topic":"T"}]}     to C++ and what is made of it
 *
 * Go takes the first form apart as text, and stumbles over valid JSON.
 *
 * Units: queueOffset, an entry index.
 * Source: RocketMQ 4.9 ResetOffsetBody.java, ResetOffsetBodyForC.java; client-go 2.1.2 internal/model.go
 */
export type ResetOffsets = ReadonlyMap<MessageQueue, number>;

const readersOfLists: ReadonlySet<LanguageName> = new Set(['CPP', 'PYTHON']);

export function encodeResetOffsets(offsets: ResetOffsets, reader: LanguageName = 'JAVA'): Buffer {
  const offsetTable = readersOfLists.has(reader)
    ? Array.from(offsets, ([{ topic, brokerName, queueId }, offset]) => ({
        brokerName,
        offset,
        queueId,
        topic,
      }))
    : new Map(Array.from(offsets, ([queue, offset]) => [messageQueueJson(queue), offset]));
  return encodeJsonBody({ offsetTable });
}

/** Reads either form. Errors: INVALID_ARGUMENT naming the field, also for an offset below 0. */
export function decodeResetOffsets(body: Buffer | undefined): Map<MessageQueue, number> {
  const json = JsonBody.parse(body, 'ResetOffsetBody');
  const entries = json.isList('offsetTable')
    ? json
        .objects('offsetTable')
        .map((item): [MessageQueue, number] => [readMessageQueue(item), item.integer('offset')])
    : json
        .integersByObject('offsetTable')
        .map(([queue, offset]): [MessageQueue, number] => [readMessageQueue(queue), offset]);
  for (const [queue, offset] of entries) {
    if (offset >= 0) continue;
    throw new MqError(
      'INVALID_ARGUMENT',
      `ResetOffsetBody.offsetTable sends ${queueKey(queue)} to ${offset}, which is below 0`,
    );
  }
  return new Map(entries);
}
