import { defineRequest } from '../define-request.ts';
import { optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * RESUME_CHECK_HALF_MESSAGE: puts a half message that was given up back, as one that was never checked.
 *
 * Shape:  msgId is the offsetMsgId of its copy in TRANS_CHECK_MAX_TIME_TOPIC.
 * Errors: SYSTEM_ERROR when no such message is there, or it was resumed already.
 * Source: RocketMQ 5.3 ResumeCheckHalfMessageRequestHeader.java, AdminBrokerProcessor.java
 */
export const resumeCheckHalfMessage = defineRequest({
  code: RequestCode.RESUME_CHECK_HALF_MESSAGE,
  request: {
    /** 5.x only; not needed to find it. */
    topic: optional(str),
    msgId: str,
  },
  response: {},
});
