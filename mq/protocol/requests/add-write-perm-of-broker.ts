import { defineRequest } from '../define-request.ts';
import { int32, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * ADD_WRITE_PERM_OF_BROKER: undoes WIPE_WRITE_PERM_OF_BROKER.
 *
 * Units:  addTopicCount is the number of topics the broker has; 0 of one that is not registered.
 * Source: RocketMQ 5.3 AddWritePermOfBroker{Request,Response}Header.java, RouteInfoManager.java
 */
export const addWritePermOfBroker = defineRequest({
  code: RequestCode.ADD_WRITE_PERM_OF_BROKER,
  request: { brokerName: str },
  response: { addTopicCount: int32 },
});
