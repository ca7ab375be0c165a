import { defineRequest } from '../define-request.ts';
import { bool, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_ROUTEINFO_BY_TOPIC: which brokers have this topic? Reply body: see route.ts.
 *
 * acceptStandardJsonOnly is not obeyed because nothing else is ever sent.
 * Errors: TOPIC_NOT_EXIST.
 * Source: RocketMQ 5.3 GetRouteInfoRequestHeader.java, ClientRequestProcessor.java
 */
export const getRouteinfoByTopic = defineRequest({
  code: RequestCode.GET_ROUTEINFO_BY_TOPIC,
  request: { topic: str, acceptStandardJsonOnly: optional(bool) },
  response: {},
});
