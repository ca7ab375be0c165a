import { defineRequest } from '../define-request.ts';
import { str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_TOPIC_STATS_INFO: how much each queue of a topic holds. Body of the reply: see topic-stats.ts.
 *
 * Errors: TOPIC_NOT_EXIST.
 * Source: RocketMQ 5.3 GetTopicStatsInfoRequestHeader.java, AdminBrokerProcessor.getTopicStatsInfo
 */
export const getTopicStatsInfo = defineRequest({
  code: RequestCode.GET_TOPIC_STATS_INFO,
  request: { topic: str },
  response: {},
});
