import { defineRequest } from '../define-request.ts';
import { bool, int32, int64, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * CONSUMER_SEND_MSG_BACK: a consumer could not process a message; the broker redelivers it later.
 *
 * Units:  offset is the message's commitLogOffset in bytes. delayLevel: 0 the broker decides by the number of
 *         attempts, below 0 straight to the DLQ, above 0 that level.
 * Errors: SYSTEM_ERROR when no record begins at offset, NO_PERMISSION, SUBSCRIPTION_GROUP_NOT_EXIST.
 * Source: RocketMQ 5.3 ConsumerSendMsgBackRequestHeader.java, AbstractSendMessageProcessor.java
 */
export const consumerSendMsgBack = defineRequest({
  code: RequestCode.CONSUMER_SEND_MSG_BACK,
  request: {
    offset: int64,
    group: str,
    delayLevel: int32,
    originMsgId: optional(str),
    originTopic: optional(str),
    unitMode: optional(bool),
    /** Older C++ clients leave it out: the group's retryMaxTimes counts then. */
    maxReconsumeTimes: optional(int32),
  },
  response: {},
});
