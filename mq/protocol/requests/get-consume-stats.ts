import { defineRequest } from '../define-request.ts';
import { optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_CONSUME_STATS: how far a group has come in each queue of one topic, or of all it has progress in. Body of the
 * reply: see consume-stats.ts.
 *
 * Shape:  topicList (5.x) is `TopicA;TopicB` and counts before `topic`; either may be empty.
 * Source: RocketMQ 5.3 GetConsumeStatsRequestHeader.java, AdminBrokerProcessor.getConsumeStats
 */
export const getConsumeStats = defineRequest({
  code: RequestCode.GET_CONSUME_STATS,
  request: { consumerGroup: str, topic: optional(str), topicList: optional(str) },
  response: {},
});
