import { defineRequest } from '../define-request.ts';
import { int32, int64, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * SEARCH_OFFSET_BY_TIMESTAMP: the entry index of the message stored at a time.
 *
 * Shape:  boundaryType is `lower` or `upper` (5.x): which of several messages of the same millisecond.
 * Units:  timestamp in ms since epoch; offset is an entry index, maxOffset when all messages are older.
 * Source: RocketMQ 5.3 SearchOffsetRequestHeader.java, AdminBrokerProcessor.java
 */
export const searchOffsetByTimestamp = defineRequest({
  code: RequestCode.SEARCH_OFFSET_BY_TIMESTAMP,
  request: { topic: str, queueId: int32, timestamp: int64, boundaryType: optional(str) },
  response: { offset: int64 },
});
