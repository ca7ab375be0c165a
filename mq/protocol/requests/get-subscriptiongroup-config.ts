import { defineRequest } from '../define-request.ts';
import { str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_SUBSCRIPTIONGROUP_CONFIG (5.x): the settings of one consumer group. Reply body: see encodeSubscriptionGroup.
 *
 * Errors: SUBSCRIPTION_GROUP_NOT_EXIST; an original that may create groups creates it instead.
 * Source: RocketMQ 5.3 GetSubscriptionGroupConfigRequestHeader.java, AdminBrokerProcessor.java
 */
export const getSubscriptiongroupConfig = defineRequest({
  code: RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG,
  request: { group: str },
  response: {},
});
