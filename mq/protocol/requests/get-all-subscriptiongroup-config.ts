import { defineRequest } from '../define-request.ts';
import { int32, optional } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_ALL_SUBSCRIPTIONGROUP_CONFIG: the settings of every consumer group a broker knows. Reply body: see
 * encodeSubscriptionGroupTable.
 *
 * The paging fields of 5.3.4 peers are ignored: everything is returned at once. Those peers fail without
 * totalGroupNum in the reply; asked without any field, they return everything at once, too.
 * Source: RocketMQ 5.3 GetAllSubscriptionGroupRequestHeader.java, AdminBrokerProcessor.java
 */
export const getAllSubscriptiongroupConfig = defineRequest({
  code: RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG,
  request: {},
  response: { totalGroupNum: optional(int32) },
});
