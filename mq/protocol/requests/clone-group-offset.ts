import { defineRequest } from '../define-request.ts';
import { bool, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * CLONE_GROUP_OFFSET: a group is to resume where another one has come, in one topic or in all of its topics.
 *
 * Shape:  without `offline`, topics that the source group's members do not subscribe to any more are left out.
 * Source: RocketMQ 5.3 CloneGroupOffsetRequestHeader.java, AdminBrokerProcessor.cloneGroupOffset
 */
export const cloneGroupOffset = defineRequest({
  code: RequestCode.CLONE_GROUP_OFFSET,
  request: { srcGroup: str, destGroup: str, topic: optional(str), offline: optional(bool) },
  response: {},
});
