import { defineRequest } from '../define-request.ts';
import { optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_CONSUMER_STATUS_FROM_CLIENT: a broker asks a consumer how far it has consumed its queues of a topic. Body of the
 * reply: see consumer-status.ts. It is what the consumer would report at this moment, and newer than what it last did.
 *
 * Source: RocketMQ 5.3 GetConsumerStatusRequestHeader.java, ClientRemotingProcessor.getConsumeStatus
 */
export const getConsumerStatusFromClient = defineRequest({
  code: RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT,
  request: { topic: str, group: str, clientAddr: optional(str) },
  response: {},
});
