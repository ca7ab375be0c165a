import type { RequestOf } from '../protocol/define-request.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import type { MessageExt } from '../protocol/message.ts';
import { isDlqTopic, SystemTopic } from '../protocol/names.ts';
import { reencodeProperties, PropertyKey, type Properties } from '../protocol/properties.ts';
import type { sendMessageV2 } from '../protocol/requests/send-message-v2.ts';
import { MessageSysFlag } from '../protocol/sys-flag.ts';
import { originalTopic } from './consumed-message.ts';
import { DLQ_REASON, reasonProperty } from './dead-letter-reason.ts';

export interface RetryCopyOptions {
  consumerGroup: string;
  /** A queue of the group's retry topic. */
  queue: MessageQueue;
  reconsumeTimes: number;
  /** undefined: what the broker has set for the group. */
  maxReconsumeTimes: number | undefined;
  /** 0: without a delay. */
  delayTimeLevel: number;
  /** Why the copy becomes a dead letter, if it does and somebody said so. */
  deadLetterReason?: string | undefined;
}

/**
 * What had its effect on the first copy: repeated, the message would be half a transaction, would wait for its time
 * again, or would look like somebody's receipt. Without WAIT=false the copy is as safe as the broker makes it.
 */
const spentProperties: readonly string[] = [
  PropertyKey.WAIT,
  PropertyKey.DELAY,
  PropertyKey.TRAN_MSG,
  PropertyKey.TIMER_DELAY_SEC,
  PropertyKey.TIMER_DELAY_MS,
  PropertyKey.TIMER_DELIVER_MS,
  PropertyKey.TIMER_DEL_UNIQKEY,
  PropertyKey.POP_CK,
];

/** The header that sends a record to a group's retry topic once more, its body to be sent as it was stored. */
export function retryCopyHeader(
  record: MessageExt,
  options: RetryCopyOptions,
): RequestOf<typeof sendMessageV2> {
  const { consumerGroup, queue, reconsumeTimes, maxReconsumeTimes } = options;
  return {
    producerGroup: consumerGroup,
    topic: queue.topic,
    defaultTopic: SystemTopic.AUTO_CREATE,
    defaultTopicQueueNums: 1,
    queueId: queue.queueId,
    // Of a transaction's commit nothing is left to say, and the hosts' address families are the broker's to say.
    sysFlag: record.sysFlag & (MessageSysFlag.COMPRESSED | MessageSysFlag.COMPRESSION_TYPE_MASK),
    bornTimestamp: record.bornTimestamp,
    flag: record.flag,
    properties: reencodeProperties(retryProperties(record, options)),
    reconsumeTimes,
    unitMode: false,
    ...(maxReconsumeTimes !== undefined && { maxReconsumeTimes }),
    batch: false,
    brokerName: queue.brokerName,
  };
}

function retryProperties(
  record: MessageExt,
  { reconsumeTimes, delayTimeLevel, deadLetterReason }: RetryCopyOptions,
): Properties {
  const properties = new Map(record.properties);
  for (const name of spentProperties) properties.delete(name);
  const isRedriven = reconsumeTimes === 0;
  if (isDlqTopic(record.topic) && !isRedriven) beOfDlqTopic(properties, record.topic);
  if (!properties.has(PropertyKey.RETRY_TOPIC)) {
    properties.set(PropertyKey.RETRY_TOPIC, originalTopic(record));
  }
  if (!properties.has(PropertyKey.ORIGIN_MESSAGE_ID)) {
    properties.set(PropertyKey.ORIGIN_MESSAGE_ID, record.offsetMsgId);
  }
  // A dead letter that begins anew may end well, or for another reason.
  if (isRedriven) properties.delete(DLQ_REASON);
  if (deadLetterReason !== undefined) properties.set(DLQ_REASON, reasonProperty(deadLetterReason));
  if (delayTimeLevel > 0) properties.set(PropertyKey.DELAY, String(delayTimeLevel));
  return properties;
}

/** For the group that consumes it a dead letter is a message of the DLQ's topic; what it was before is kept aside. */
function beOfDlqTopic(properties: Properties, dlqTopic: string): void {
  const topic = properties.get(PropertyKey.RETRY_TOPIC);
  if (topic !== undefined && !properties.has(PropertyKey.DLQ_ORIGIN_TOPIC)) {
    properties.set(PropertyKey.DLQ_ORIGIN_TOPIC, topic);
  }
  properties.set(PropertyKey.RETRY_TOPIC, dlqTopic);
  // It was the limit of the group that gave it up: see reconsumeLimitOf.
  properties.delete(PropertyKey.MAX_RECONSUME_TIMES);
}
