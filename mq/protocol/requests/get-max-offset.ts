import { defineRequest } from '../define-request.ts';
import { int32, int64, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * GET_MAX_OFFSET: the entry index that the next message of one queue will get.
 *
 * Units:  offset is an entry index, not bytes.
 * Source: RocketMQ 5.3 GetMaxOffsetRequestHeader.java, AdminBrokerProcessor.java
 */
export const getMaxOffset = defineRequest({
  code: RequestCode.GET_MAX_OFFSET,
  request: { topic: str, queueId: int32 },
  response: { offset: int64 },
});
