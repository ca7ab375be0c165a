import { defineRequest } from '../define-request.ts';
import { bool, int32, int64, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * RESET_CONSUMER_CLIENT_OFFSET: broker to consumer, oneway: go on from here in these queues. Body: see
 * reset-offset-body.ts, in the form the consumer's language reads.
 *
 * Units:  timestamp is the one of the tool's request, for the log.
 * Source: RocketMQ 4.9 and 5.3 ResetOffsetRequestHeader.java, Broker2Client.resetOffset, ClientRemotingProcessor.java
 */
export const resetConsumerClientOffset = defineRequest({
  code: RequestCode.RESET_CONSUMER_CLIENT_OFFSET,
  request: {
    topic: str,
    group: str,
    timestamp: int64,
    isForce: optional(bool),
    /** 5.x only, and −1 here. */
    queueId: optional(int32),
    offset: optional(int64),
  },
  response: {},
});
