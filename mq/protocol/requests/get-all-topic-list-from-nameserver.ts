import { defineRequest } from '../define-request.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_ALL_TOPIC_LIST_FROM_NAMESERVER: the names of all routed topics. Reply body: see topic-list.ts.
 *
 * Source: RocketMQ 5.3 DefaultRequestProcessor.java
 */
export const getAllTopicListFromNameserver = defineRequest({
  code: RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER,
  request: {},
  response: {},
});
