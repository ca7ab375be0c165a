import { defineRequest } from '../define-request.ts';
import { aliased, bool, int32, int64, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

export const sendMessageFields = {
  producerGroup: str,
  topic: str,
  /** Whose settings the topic gets when it is created by this send. */
  defaultTopic: str,
  defaultTopicQueueNums: int32,
  /** Below zero: the broker picks one. */
  queueId: int32,
  sysFlag: int32,
  bornTimestamp: int64,
  flag: int32,
  /** Encoded as `encodeProperties` writes it. */
  properties: optional(str),
  reconsumeTimes: optional(int32),
  unitMode: optional(bool),
  /** The body is a batch, see batch-body.ts. Decide by this flag: C++ sends batches under SEND_MESSAGE_V2. */
  batch: optional(bool),
  /** Sent with messages to a retry topic. */
  maxReconsumeTimes: optional(int32),
  brokerName: optional(aliased('bname', str)),
};

/** Shared by all three send requests. In a reply to a batch msgId is a comma-separated list. */
export const sendMessageResponse = {
  msgId: str,
  queueId: int32,
  queueOffset: int64,
  /** The producer's own id (UNIQ_KEY), which 5.x brokers repeat. */
  transactionId: optional(str),
  /** Of a message that waits for its time: what RECALL_MESSAGE takes it back by. */
  recallHandle: optional(str),
  MSG_REGION: optional(str),
  TRACE_ON: optional(str),
};

/**
 * SEND_MESSAGE: stores one message. Body: the message's body, compressed when sysFlag says so.
 *
 * Units:  bornTimestamp in ms since epoch; in the reply queueOffset is an entry index, msgId the offsetMsgId.
 * Errors: MESSAGE_ILLEGAL, NO_PERMISSION, TOPIC_NOT_EXIST, SERVICE_NOT_AVAILABLE, SYSTEM_BUSY;
 *         FLUSH_DISK_TIMEOUT, FLUSH_SLAVE_TIMEOUT and SLAVE_NOT_AVAILABLE mean stored, and carry all response fields.
 * Source: RocketMQ 5.3 SendMessageRequestHeader.java, SendMessageResponseHeader.java, SendMessageProcessor.java
 */
export const sendMessage = defineRequest({
  code: RequestCode.SEND_MESSAGE,
  request: sendMessageFields,
  response: sendMessageResponse,
});
