import { defineRequest } from '../define-request.ts';
import { int32, int64, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * PEEK_MESSAGE: what a POP_MESSAGE would find, left visible.
 *
 * Shape:  queueId −1 is any queue.
 * Errors: PULL_NOT_FOUND when there is nothing; otherwise those of POP_MESSAGE.
 * Source: RocketMQ 5.3 PeekMessageRequestHeader.java, PeekMessageProcessor.java
 */
export const peekMessage = defineRequest({
  code: RequestCode.PEEK_MESSAGE,
  request: { consumerGroup: str, topic: str, queueId: int32, maxMsgNums: int32 },
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
