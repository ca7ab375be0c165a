import { defineRequest } from '../define-request.ts';
import { int32, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * POLLING_INFO: how many POP_MESSAGE requests are held for a group and queue?
 *
 * Shape:  queueId −1 counts those that take any queue.
 * Errors: those of POP_MESSAGE.
 * Source: RocketMQ 5.3 PollingInfo{Request,Response}Header.java, PollingInfoProcessor.java
 */
export const pollingInfo = defineRequest({
  code: RequestCode.POLLING_INFO,
  request: { consumerGroup: str, topic: str, queueId: int32 },
  response: { pollingNum: int32 },
});
