import { defineRequest } from '../define-request.ts';
import { bool, int32, int64, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * INVOKE_BROKER_TO_RESET_OFFSET: tool to broker: this group is to go on elsewhere in a topic. Body of the reply: where, see
 * reset-offset-body.ts.
 *
 * Shape:  queueId −1 or missing means every queue; offset −1 or missing means the one at `timestamp`. 4.9 has neither.
 *         isForce=false moves a group backwards only.
 * Units:  timestamp in ms since epoch, below 0 for the end; offset is an entry index.
 * Errors: TOPIC_NOT_EXIST, SUBSCRIPTION_GROUP_NOT_EXIST; SYSTEM_ERROR for an offset outside of the queue; from brokers that
 *         only pass it on to the members, CONSUMER_NOT_ONLINE.
 * Source: RocketMQ 5.3 ResetOffsetRequestHeader.java, AdminBrokerProcessor.resetOffset
 */
export const invokeBrokerToResetOffset = defineRequest({
  code: RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
  request: {
    topic: str,
    group: str,
    timestamp: int64,
    isForce: optional(bool),
    queueId: optional(int32),
    offset: optional(int64),
  },
  response: {},
});
