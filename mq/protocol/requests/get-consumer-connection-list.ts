import { defineRequest } from '../define-request.ts';
import { str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_CONSUMER_CONNECTION_LIST: the members of a consumer group and what they subscribe to. Body of the reply: see
 * client-connections.ts.
 *
 * Errors: CONSUMER_NOT_ONLINE.
 * Source: RocketMQ 5.3 GetConsumerConnectionListRequestHeader.java, AdminBrokerProcessor.getConsumerConnectionList
 */
export const getConsumerConnectionList = defineRequest({
  code: RequestCode.GET_CONSUMER_CONNECTION_LIST,
  request: { consumerGroup: str },
  response: {},
});
