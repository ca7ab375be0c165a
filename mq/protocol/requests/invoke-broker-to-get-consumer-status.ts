import { defineRequest } from '../define-request.ts';
import { optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * INVOKE_BROKER_TO_GET_CONSUMER_STATUS: tool to broker: ask the members of a group how far they have come in a topic. Body
 * of the reply: see consumer-status.ts.
 *
 * Shape:  clientAddr is a clientId, in spite of its name; empty or missing for all members.
 * Errors: SYSTEM_ERROR when no member is connected.
 * Source: RocketMQ 5.3 GetConsumerStatusRequestHeader.java, Broker2Client.getConsumeStatus
 */
export const invokeBrokerToGetConsumerStatus = defineRequest({
  code: RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS,
  request: { topic: str, group: str, clientAddr: optional(str) },
  response: {},
});
