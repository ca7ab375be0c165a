import { defineRequest } from '../define-request.ts';
import { bool, int32, int64, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * QUERY_CONSUMER_OFFSET: where does this group resume in one MessageQueue?
 *
 * Units:  offset is a queueOffset (entry index), not bytes.
 * Errors: QUERY_NOT_FOUND when the group has no stored offset and starting at entry 0 is forbidden or impossible.
 * Source: RocketMQ 5.3 QueryConsumerOffset{Request,Response}Header.java, ConsumerManageProcessor.java
 */
export const queryConsumerOffset = defineRequest({
  code: RequestCode.QUERY_CONSUMER_OFFSET,
  request: { consumerGroup: str, topic: str, queueId: int32, setZeroIfNotFound: optional(bool) },
  response: { offset: int64 },
});
