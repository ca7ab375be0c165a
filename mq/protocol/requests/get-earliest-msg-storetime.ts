import { defineRequest } from '../define-request.ts';
import { int32, int64, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_EARLIEST_MSG_STORETIME: when the oldest message of one queue was stored.
 *
 * Units:  timestamp in ms since epoch, -1 for an empty queue.
 * Source: RocketMQ 5.3 GetEarliestMsgStoretimeRequestHeader.java, AdminBrokerProcessor.java
 */
export const getEarliestMsgStoretime = defineRequest({
  code: RequestCode.GET_EARLIEST_MSG_STORETIME,
  request: { topic: str, queueId: int32 },
  response: { timestamp: int64 },
});
