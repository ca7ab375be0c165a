import { defineRequest } from '../define-request.ts';
import { str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_TOPIC_CONFIG (5.x): the settings of one topic on this broker. Reply body: see encodeTopicConfig.
 *
 * Errors: TOPIC_NOT_EXIST.
 * Source: RocketMQ 5.3 GetTopicConfigRequestHeader.java, AdminBrokerProcessor.java
 */
export const getTopicConfig = defineRequest({
  code: RequestCode.GET_TOPIC_CONFIG,
  request: { topic: str },
  response: {},
});
