import { defineRequest } from '../define-request.ts';
import { int32, int64, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * UPDATE_CONSUMER_OFFSET: stores how far a group has come in one MessageQueue. Usually sent oneway.
 *
 * Units:  commitOffset is the entry index of the next message to consume.
 * Errors: none for a backwards offset: it is logged and stored, because a reset looks the same.
 * Source: RocketMQ 5.3 UpdateConsumerOffsetRequestHeader.java, ConsumerManageProcessor.java
 */
export const updateConsumerOffset = defineRequest({
  code: RequestCode.UPDATE_CONSUMER_OFFSET,
  request: { consumerGroup: str, topic: str, queueId: int32, commitOffset: int64 },
  response: {},
});
