import { defineRequest } from '../define-request.ts';
import { int32, int64, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * CHANGE_MESSAGE_INVISIBLETIME: a popped message is to come again after so long from now, not when its time would be over.
 *
 * Shape:  as ACK_MESSAGE. The reply is what its next handle is made of; the handle sent counts for nothing any more.
 * Units:  ms.
 * Errors: those of ACK_MESSAGE.
 * Source: RocketMQ 5.3 ChangeInvisibleTime{Request,Response}Header.java, ChangeInvisibleTimeProcessor.java
 */
export const changeMessageInvisibletime = defineRequest({
  code: RequestCode.CHANGE_MESSAGE_INVISIBLETIME,
  request: {
    consumerGroup: str,
    topic: str,
    queueId: int32,
    extraInfo: str,
    offset: int64,
    invisibleTime: int64,
  },
  response: { popTime: int64, invisibleTime: int64, reviveQid: int32 },
});
