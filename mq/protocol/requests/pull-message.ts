import { defineRequest } from '../define-request.ts';
import { int32, int64, optional, str, version64 } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

export const pullMessageFields = {
  consumerGroup: str,
  topic: str,
  queueId: int32,
  queueOffset: int64,
  maxMsgNums: int32,
  /** Bits of `PullSysFlag`. */
  sysFlag: int32,
  /** Stored as the group's progress when the COMMIT_OFFSET bit is set. */
  commitOffset: int64,
  suspendTimeoutMillis: int64,
  /** The expression, when the SUBSCRIPTION bit is set. */
  subscription: optional(str),
  subVersion: version64,
  /** `TAG` when missing: C++ leaves it out. */
  expressionType: optional(str),
  /** 5.x: a limit on the reply's body. */
  maxMsgBytes: optional(int32),
};

export const pullMessageResponse = {
  suggestWhichBrokerId: int64,
  nextBeginOffset: int64,
  minOffset: int64,
  maxOffset: int64,
};

/**
 * PULL_MESSAGE: messages of one queue from an offset on. Reply body: records laid end to end, see message.ts.
 *
 * Units:  queueOffset, commitOffset, nextBeginOffset, minOffset and maxOffset are entry indexes; maxOffset is the one
 *         the next message will get; suspendTimeoutMillis is how long the broker may hold the request.
 * Errors: PULL_NOT_FOUND (nothing new), PULL_RETRY_IMMEDIATELY (all filtered out), PULL_OFFSET_MOVED (use
 *         nextBeginOffset): these three are normal and carry all response fields. SUBSCRIPTION_NOT_EXIST,
 *         SUBSCRIPTION_NOT_LATEST, SUBSCRIPTION_PARSE_FAILED, SUBSCRIPTION_GROUP_NOT_EXIST, TOPIC_NOT_EXIST, NO_PERMISSION.
 * Source: RocketMQ 5.3 PullMessageRequestHeader.java, PullMessageResponseHeader.java, PullMessageProcessor.java
 */
export const pullMessage = defineRequest({
  code: RequestCode.PULL_MESSAGE,
  request: pullMessageFields,
  response: pullMessageResponse,
});
