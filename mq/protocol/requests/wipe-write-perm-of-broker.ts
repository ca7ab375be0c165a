import { defineRequest } from '../define-request.ts';
import { int32, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * WIPE_WRITE_PERM_OF_BROKER: routes of this name server show the broker as read-only, so that producers leave it.
 *
 * Units:  wipeTopicCount is the number of topics it has; 0 of a broker that is not registered.
 * Source: RocketMQ 5.3 WipeWritePermOfBroker{Request,Response}Header.java, RouteInfoManager.java
 */
export const wipeWritePermOfBroker = defineRequest({
  code: RequestCode.WIPE_WRITE_PERM_OF_BROKER,
  request: { brokerName: str },
  response: { wipeTopicCount: int32 },
});
