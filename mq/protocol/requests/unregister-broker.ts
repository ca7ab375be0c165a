import { defineRequest } from '../define-request.ts';
import { int64, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * UNREGISTER_BROKER: a broker stops; its routes are removed at once.
 *
 * Source: RocketMQ 5.3 UnRegisterBrokerRequestHeader.java, DefaultRequestProcessor.java
 */
export const unregisterBroker = defineRequest({
  code: RequestCode.UNREGISTER_BROKER,
  request: { brokerName: str, brokerAddr: str, clusterName: str, brokerId: int64 },
  response: {},
});
