import { defineRequest } from '../define-request.ts';
import { int32, int64, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * ACK_MESSAGE: one popped message is done.
 *
 * Shape:  topic is the one the message was popped from, `%RETRY%group_topic` for a redelivery. extraInfo: see pop-handle.ts.
 * Units:  offset is the queueOffset of the message.
 * Errors: TOPIC_NOT_EXIST, MESSAGE_ILLEGAL (queueId), NO_MESSAGE (offset outside the queue), INVALID_PARAMETER (extraInfo).
 *         An ack that comes too late, or twice, is SUCCESS.
 * Source: RocketMQ 5.3 AckMessageRequestHeader.java, AckMessageProcessor.java
 */
export const ackMessage = defineRequest({
  code: RequestCode.ACK_MESSAGE,
  request: { consumerGroup: str, topic: str, queueId: int32, extraInfo: str, offset: int64 },
  response: {},
});
