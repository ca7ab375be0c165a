import { defineRequest } from '../define-request.ts';
import { bool, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_CONSUMER_RUNNING_INFO: a tool asks a broker, and the broker with the same fields the consumer: what it is doing. Body of
 * the reply: see consumer-running-info.ts.
 *
 * Errors: SYSTEM_ERROR when it is not connected; CONSUME_MSG_TIMEOUT when it does not answer in time.
 * Source: RocketMQ 5.3 GetConsumerRunningInfoRequestHeader.java, AdminBrokerProcessor.callConsumer
 */
export const getConsumerRunningInfo = defineRequest({
  code: RequestCode.GET_CONSUMER_RUNNING_INFO,
  request: { consumerGroup: str, clientId: str, jstackEnable: optional(bool) },
  response: {},
});
