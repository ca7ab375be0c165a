import { defineRequest } from '../define-request.ts';
import { RequestCode } from '../request-code.ts';

/**
 * SET_MESSAGE_REQUEST_MODE: are members of a group that ask for their assignment to pull a topic or to pop it? Body: see
 * queue-assignment.ts.
 *
 * Errors: NO_PERMISSION (a retry topic), TOPIC_NOT_EXIST, SUBSCRIPTION_GROUP_NOT_EXIST.
 * Source: RocketMQ 5.3 SetMessageRequestModeRequestBody.java, QueryAssignmentProcessor.java
 */
export const setMessageRequestMode = defineRequest({
  code: RequestCode.SET_MESSAGE_REQUEST_MODE,
  request: {},
  response: {},
});
