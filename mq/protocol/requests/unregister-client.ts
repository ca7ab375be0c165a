import { defineRequest } from '../define-request.ts';
import { optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * UNREGISTER_CLIENT: a client leaves a producer group, a consumer group, or both.
 *
 * Source: RocketMQ 5.3 UnregisterClientRequestHeader.java, ClientManageProcessor.java
 */
export const unregisterClient = defineRequest({
  code: RequestCode.UNREGISTER_CLIENT,
  request: { clientID: str, producerGroup: optional(str), consumerGroup: optional(str) },
  response: {},
});
