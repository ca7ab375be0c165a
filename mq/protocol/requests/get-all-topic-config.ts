import { defineRequest } from '../define-request.ts';
import { int32, optional } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_ALL_TOPIC_CONFIG: the broker's topic table. Reply body: see encodeTopicConfigTable.
 *
 * The paging fields of 5.3.4 peers are ignored: everything is returned at once. Those peers fail without
 * totalTopicNum in the reply.
 * Source: RocketMQ 5.3 AdminBrokerProcessor.java
 */
export const getAllTopicConfig = defineRequest({
  code: RequestCode.GET_ALL_TOPIC_CONFIG,
  request: {},
  response: { totalTopicNum: optional(int32) },
});
