import { defineRequest } from '../define-request.ts';
import { str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_CONSUMER_LIST_BY_GROUP: the clientIds of a group's members. Reply body: see consumer-list.ts.
 *
 * Errors: SYSTEM_ERROR when the group has no member; clients read that as an empty list.
 * Source: RocketMQ 5.3 GetConsumerListByGroupRequestHeader.java, ConsumerManageProcessor.java
 */
export const getConsumerListByGroup = defineRequest({
  code: RequestCode.GET_CONSUMER_LIST_BY_GROUP,
  request: { consumerGroup: str },
  response: {},
});
