import { defineRequest } from '../define-request.ts';
import { bool, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * DELETE_SUBSCRIPTIONGROUP: forgets a consumer group's settings and, if asked to, its progress. Its retry and
 * dead-letter topics are topics like others and stay.
 *
 * Source: RocketMQ 4.9 and 5.3 DeleteSubscriptionGroupRequestHeader.java
 */
export const deleteSubscriptiongroup = defineRequest({
  code: RequestCode.DELETE_SUBSCRIPTIONGROUP,
  request: {
    groupName: str,
    /** The same flag by its name in 5.x and in 4.9. */
    cleanOffset: optional(bool),
    removeOffset: optional(bool),
  },
  response: {},
});
