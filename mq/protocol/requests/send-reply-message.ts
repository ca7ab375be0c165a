import { defineRequest } from '../define-request.ts';
import { RequestCode } from '../request-code.ts';
import { sendMessageFields, sendMessageResponse } from './send-message.ts';

/**
 * SEND_REPLY_MESSAGE: SEND_MESSAGE of a reply, which the broker pushes to the client that its property REPLY_TO_CLIENT
 * names, and answers when that client has it.
 *
 * Units:  as in SEND_MESSAGE; in the answer msgId is `0` and queueOffset 0 when the reply is pushed and not stored.
 * Errors: SYSTEM_ERROR when that client is not there, or has not taken it within 10 s; as SEND_MESSAGE.
 * Source: RocketMQ 5.3 ReplyMessageProcessor.java
 */
export const sendReplyMessage = defineRequest({
  code: RequestCode.SEND_REPLY_MESSAGE,
  request: sendMessageFields,
  response: sendMessageResponse,
});
