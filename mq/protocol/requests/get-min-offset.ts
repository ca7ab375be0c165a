import { defineRequest } from '../define-request.ts';
import { int32, int64, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_MIN_OFFSET: the entry index of the oldest message that one queue still has.
 *
 * Units:  offset is an entry index, not bytes.
 * Source: RocketMQ 5.3 GetMinOffsetRequestHeader.java, AdminBrokerProcessor.java
 */
export const getMinOffset = defineRequest({
  code: RequestCode.GET_MIN_OFFSET,
  request: { topic: str, queueId: int32 },
  response: { offset: int64 },
});
