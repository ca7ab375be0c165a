import { defineRequest } from '../define-request.ts';
import { bool, int32, int64, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * POP_MESSAGE: messages for a consumer that does not own queues. They are invisible to the other members of its group
 * for a while, and come again unless they are acknowledged by then.
 *
 * Shape:  queueId −1 is any queue. initMode 0 starts a new group at the first message, 1 at the end. The three infos of
 *         the reply: see pop-handle.ts. Body of the reply: stored records end to end, of redeliveries with the topic
 *         that was asked for and POP_CK.
 * Units:  times in ms; pollTime is how long to hold the request; maxMsgNums at most 32.
 * Errors: POLLING_TIMEOUT (nothing came), POLLING_FULL (too many are held), INVALID_PARAMETER, TOPIC_NOT_EXIST,
 *         NO_PERMISSION, SUBSCRIPTION_GROUP_NOT_EXIST, SUBSCRIPTION_PARSE_FAILED.
 * Source: RocketMQ 5.3 PopMessage{Request,Response}Header.java, PopMessageProcessor.java
 */
export const popMessage = defineRequest({
  code: RequestCode.POP_MESSAGE,
  request: {
    consumerGroup: str,
    topic: str,
    queueId: int32,
    maxMsgNums: int32,
    invisibleTime: int64,
    pollTime: int64,
    bornTime: int64,
    initMode: int32,
    expType: optional(str),
    exp: optional(str),
    order: optional(bool),
    attemptId: optional(str),
  },
  response: {
    popTime: int64,
    invisibleTime: int64,
    reviveQid: int32,
    restNum: int64,
    startOffsetInfo: optional(str),
    msgOffsetInfo: optional(str),
    orderCountInfo: optional(str),
  },
});
