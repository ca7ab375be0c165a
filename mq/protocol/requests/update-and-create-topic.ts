import { defineRequest } from '../define-request.ts';
import { bool, int32, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * UPDATE_AND_CREATE_TOPIC: creates a topic on this broker, or gives it new settings.
 *
 * Shape:  attributes is `+name=value,-name` (5.x).
 *         drainedTo is Millrace's own, and ignored by Apache brokers: `queueId:queueOffset` of every queue that consumers
 *         lose by this request, separated by `;`. It is refused, and changes nothing, unless each ends there.
 * Errors: ILLEGAL_OPERATION when a queue does not end where drainedTo says; SYSTEM_ERROR when the name is illegal or belongs to the broker.
 * Source: RocketMQ 5.3 CreateTopicRequestHeader.java, AdminBrokerProcessor.java
 */
export const updateAndCreateTopic = defineRequest({
  code: RequestCode.UPDATE_AND_CREATE_TOPIC,
  request: {
    topic: str,
    defaultTopic: optional(str),
    readQueueNums: int32,
    writeQueueNums: int32,
    /** Bits of `Permission`. */
    perm: int32,
    topicFilterType: optional(str),
    topicSysFlag: optional(int32),
    order: optional(bool),
    attributes: optional(str),
    drainedTo: optional(str),
  },
  response: {},
});
