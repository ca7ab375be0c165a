import { defineRequest } from '../define-request.ts';
import { bool, int32, int64, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * NOTIFICATION: waits until there is something to pop, and pops nothing.
 *
 * Shape:  queueId −1 is any queue.
 * Units:  pollTime in ms.
 * Errors: those of POP_MESSAGE; nothing to pop is hasMsg=false.
 * Source: RocketMQ 5.3 Notification{Request,Response}Header.java, NotificationProcessor.java
 */
export const notification = defineRequest({
  code: RequestCode.NOTIFICATION,
  request: {
    consumerGroup: str,
    topic: str,
    queueId: int32,
    pollTime: int64,
    bornTime: int64,
    order: optional(bool),
    attemptId: optional(str),
    expType: optional(str),
    exp: optional(str),
  },
  response: { hasMsg: bool, pollingFull: optional(bool) },
});
