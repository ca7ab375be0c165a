import { defineRequest } from '../define-request.ts';
import { int32, int64, openInt64, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * SEARCH_OFFSET_BY_TIMESTAMP: the entry index of the message stored at a time.
 *
 * Shape:  boundaryType is `lower` (the default) or `upper` (5.x). Lower: the first message stored then or later, maxOffset
 *         when all are older. Upper: the last one stored then or earlier, the first message when all are younger.
 * Units:  timestamp in ms since epoch, of any size; offset is an entry index.
 * Source: RocketMQ 5.3 SearchOffsetRequestHeader.java, AdminBrokerProcessor.java
 */
export const searchOffsetByTimestamp = defineRequest({
  code: RequestCode.SEARCH_OFFSET_BY_TIMESTAMP,
  request: { topic: str, queueId: int32, timestamp: openInt64, boundaryType: optional(str) },
  response: { offset: int64 },
});
