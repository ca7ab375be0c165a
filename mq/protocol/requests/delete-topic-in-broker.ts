import { defineRequest } from '../define-request.ts';
import { str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * DELETE_TOPIC_IN_BROKER: removes a topic and its queues from one broker.
 *
 * Errors: SYSTEM_ERROR when the topic belongs to the broker itself.
 * Source: RocketMQ 5.3 DeleteTopicRequestHeader.java, AdminBrokerProcessor.java
 */
export const deleteTopicInBroker = defineRequest({
  code: RequestCode.DELETE_TOPIC_IN_BROKER,
  request: { topic: str },
  response: {},
});
