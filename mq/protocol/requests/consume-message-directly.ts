import { defineRequest } from '../define-request.ts';
import { int32, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * CONSUME_MESSAGE_DIRECTLY: a tool asks a broker, and the broker the consumer, to run its listener on one stored message
 * at once. Nobody's progress changes. Body on the way to the consumer: the record; of the reply: see
 * consume-directly-result.ts.
 *
 * Shape:  msgId is an offsetMsgId of that broker, which adds brokerName and the two flags.
 * Errors: SYSTEM_ERROR when the consumer is not connected or there is no such message; CONSUME_MSG_TIMEOUT.
 * Source: RocketMQ 5.3 ConsumeMessageDirectlyResultRequestHeader.java, AdminBrokerProcessor.consumeMessageDirectly
 */
export const consumeMessageDirectly = defineRequest({
  code: RequestCode.CONSUME_MESSAGE_DIRECTLY,
  request: {
    consumerGroup: str,
    clientId: optional(str),
    msgId: optional(str),
    brokerName: optional(str),
    topic: optional(str),
    topicSysFlag: optional(int32),
    groupSysFlag: optional(int32),
  },
  response: {},
});
