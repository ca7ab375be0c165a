import { defineRequest } from '../define-request.ts';
import { str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * QUERY_TOPIC_CONSUME_BY_WHO: the consumer groups that are subscribed to a topic now or have progress in it, on this
 * broker. Reply body: see group-list.ts.
 *
 * Source: RocketMQ 5.3 QueryTopicConsumeByWhoRequestHeader.java, AdminBrokerProcessor.java
 */
export const queryTopicConsumeByWho = defineRequest({
  code: RequestCode.QUERY_TOPIC_CONSUME_BY_WHO,
  request: { topic: str },
  response: {},
});
