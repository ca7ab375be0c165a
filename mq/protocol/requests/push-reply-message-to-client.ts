import { defineRequest } from '../define-request.ts';
import { bool, int32, int64, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * PUSH_REPLY_MESSAGE_TO_CLIENT: broker to producer: the reply to one of its requests, which its property CORRELATION_ID
 * names. Body: the reply's, compressed when sysFlag says so. Answered, so that who replied learns whether it arrived.
 *
 * Units:  timestamps in ms since epoch; hosts are `ip:port`, from some brokers `/ip:port`.
 * Source: RocketMQ 5.3 ReplyMessageRequestHeader.java, ReplyMessageProcessor.java, ClientRemotingProcessor.java
 */
export const pushReplyMessageToClient = defineRequest({
  code: RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT,
  request: {
    producerGroup: str,
    topic: str,
    defaultTopic: str,
    defaultTopicQueueNums: int32,
    queueId: int32,
    sysFlag: int32,
    bornTimestamp: int64,
    flag: int32,
    properties: optional(str),
    reconsumeTimes: optional(int32),
    unitMode: optional(bool),
    bornHost: str,
    storeHost: str,
    storeTimestamp: int64,
  },
  response: {},
});
