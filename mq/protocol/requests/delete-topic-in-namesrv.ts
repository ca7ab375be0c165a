import { defineRequest } from '../define-request.ts';
import { optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * DELETE_TOPIC_IN_NAMESRV: removes a topic's routes, of one cluster or of all.
 *
 * Source: RocketMQ 5.3 DeleteTopicFromNamesrvRequestHeader.java, DefaultRequestProcessor.java
 */
export const deleteTopicInNamesrv = defineRequest({
  code: RequestCode.DELETE_TOPIC_IN_NAMESRV,
  request: { topic: str, clusterName: optional(str) },
  response: {},
});
