import { MqError } from '../errors.ts';
import { encodeBatchBody } from '../protocol/batch-body.ts';
import type { RequestOf } from '../protocol/define-request.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { isRetryTopic, SystemTopic } from '../protocol/names.ts';
import { encodeProperties, PropertyKey } from '../protocol/properties.ts';
import { sendBatchMessage } from '../protocol/requests/send-batch-message.ts';
import { sendMessageV2 } from '../protocol/requests/send-message-v2.ts';
import type { OutgoingMessage } from './outgoing-message.ts';

/** SEND_MESSAGE_V2, SEND_BATCH_MESSAGE or SEND_REPLY_MESSAGE_V2: the same fields under three codes. */
type SendDefinition = typeof sendMessageV2;
type SendHeader = RequestOf<typeof sendMessageV2>;

/** One send, complete but for the queue, which each attempt chooses anew. */
export interface SendRequest {
  readonly definition: SendDefinition;
  readonly topic: string;
  readonly msgId: string;
  /** Of the messages that have one, each once. */
  readonly shardingKeys: readonly string[];
  readonly body: Buffer;
  header(queue: MessageQueue): SendHeader;
}

export interface SendContext {
  producerGroup: string;
  defaultTopicQueueNums: number;
  /** ms since epoch. */
  bornTimestamp: number;
}

export function singleSend(
  message: OutgoingMessage,
  packed: { body: Buffer; sysFlag: number },
  context: SendContext,
  definition: SendDefinition = sendMessageV2,
): SendRequest {
  return {
    definition,
    topic: message.topic,
    msgId: message.msgId,
    shardingKeys: message.shardingKey === undefined ? [] : [message.shardingKey],
    body: packed.body,
    header: (queue) => ({
      ...commonHeader(queue, context),
      sysFlag: packed.sysFlag,
      flag: message.flag,
      properties: message.propertiesString,
      batch: false,
    }),
  };
}

/**
 * Several messages of one topic in one request, stored together in one queue. Never compressed: no client does.
 *
 * Errors: INVALID_ARGUMENT when the messages cannot share a batch; MESSAGE_ILLEGAL with both sizes when it is too large.
 */
export function batchSend(
  messages: readonly OutgoingMessage[],
  maxMessageBytes: number,
  context: SendContext,
): SendRequest {
  const first = messages[0];
  if (first === undefined) throw new MqError('INVALID_ARGUMENT', 'the batch holds no message');
  for (const [index, message] of messages.entries()) {
    if (message.topic !== first.topic) {
      throw illegal(index, `its topic is ${message.topic}, the batch's is ${first.topic}`);
    }
    if (message.waitStoreOk !== first.waitStoreOk) {
      throw illegal(index, 'waitStoreOk differs from that of message 0');
    }
    assertFitForBatch(index, message);
  }
  const body = encodeBatchBody(messages);
  if (body.length > maxMessageBytes) {
    throw new MqError(
      'MESSAGE_ILLEGAL',
      `batch of ${messages.length} messages for ${first.topic}: ${body.length} bytes exceed maxMessageBytes ${maxMessageBytes}`,
      { details: { bytes: body.length, limit: maxMessageBytes } },
    );
  }
  const properties = encodeProperties(new Map([[PropertyKey.WAIT, String(first.waitStoreOk)]]));
  return {
    definition: sendBatchMessage,
    topic: first.topic,
    msgId: messages.map((message) => message.msgId).join(','),
    shardingKeys: [...new Set(messages.flatMap(({ shardingKey }) => shardingKey ?? []))],
    body,
    header: (queue) => ({
      ...commonHeader(queue, context),
      sysFlag: 0,
      flag: 0,
      properties,
      batch: true,
    }),
  };
}

/** Errors: INVALID_ARGUMENT naming the message and why it can be in no batch. */
export function assertFitForBatch(index: number, message: OutgoingMessage): void {
  if (message.isReply) throw illegal(index, 'a reply cannot travel in a batch');
  if (message.isDelayed) throw illegal(index, 'a delayed message cannot travel in a batch');
  if (isRetryTopic(message.topic)) throw illegal(index, 'a retry topic takes no batches');
}

function commonHeader(
  queue: MessageQueue,
  context: SendContext,
): Omit<SendHeader, 'sysFlag' | 'flag' | 'properties' | 'batch'> {
  return {
    producerGroup: context.producerGroup,
    topic: queue.topic,
    defaultTopic: SystemTopic.AUTO_CREATE,
    defaultTopicQueueNums: context.defaultTopicQueueNums,
    queueId: queue.queueId,
    bornTimestamp: context.bornTimestamp,
    reconsumeTimes: 0,
    unitMode: false,
    brokerName: queue.brokerName,
  };
}

function illegal(index: number, reason: string): MqError {
  return new MqError('INVALID_ARGUMENT', `batch message ${index}: ${reason}`);
}
