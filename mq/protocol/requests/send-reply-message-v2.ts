import { defineRequest } from '../define-request.ts';
import { RequestCode } from '../request-code.ts';
import { sendMessageResponse } from './send-message.ts';
import { sendMessageV2Fields } from './send-message-v2.ts';

/**
 * SEND_REPLY_MESSAGE_V2: SEND_REPLY_MESSAGE with one-letter names on the wire.
 *
 * Source: RocketMQ 5.3 SendMessageRequestHeaderV2.java, ReplyMessageProcessor.java
 */
export const sendReplyMessageV2 = defineRequest({
  code: RequestCode.SEND_REPLY_MESSAGE_V2,
  request: sendMessageV2Fields,
  response: sendMessageResponse,
});
