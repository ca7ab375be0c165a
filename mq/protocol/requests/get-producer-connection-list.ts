import { defineRequest } from '../define-request.ts';
import { str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_PRODUCER_CONNECTION_LIST: the members of a producer group. Body of the reply: see client-connections.ts.
 *
 * Errors: SYSTEM_ERROR when none is connected.
 * Source: RocketMQ 5.3 GetProducerConnectionListRequestHeader.java, AdminBrokerProcessor.getProducerConnectionList
 */
export const getProducerConnectionList = defineRequest({
  code: RequestCode.GET_PRODUCER_CONNECTION_LIST,
  request: { producerGroup: str },
  response: {},
});
