import { defineRequest } from '../define-request.ts';
import { str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_TOPICS_BY_CLUSTER: the names of the topics that one cluster's brokers have. Reply body: see topic-list.ts.
 *
 * Source: RocketMQ 5.3 GetTopicsByClusterRequestHeader.java, DefaultRequestProcessor.java
 */
export const getTopicsByCluster = defineRequest({
  code: RequestCode.GET_TOPICS_BY_CLUSTER,
  request: { cluster: str },
  response: {},
});
