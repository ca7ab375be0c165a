import { defineRequest } from '../define-request.ts';
import { RequestCode } from '../request-code.ts';

/**
 * UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: gives a consumer group these settings, all of them; creates it when needed.
 *
 * Shape:  the settings are in the body, see encodeSubscriptionGroup.
 * Errors: INVALID_PARAMETER for an illegal name.
 * Source: RocketMQ 5.3 AdminBrokerProcessor.java
 */
export const updateAndCreateSubscriptiongroup = defineRequest({
  code: RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
  request: {},
  response: {},
});
