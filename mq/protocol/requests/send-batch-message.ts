import { defineRequest } from '../define-request.ts';
import { RequestCode } from '../request-code.ts';
import { sendMessageV2Fields } from './send-message-v2.ts';
import { sendMessageResponse } from './send-message.ts';

/**
 * SEND_BATCH_MESSAGE: stores several messages of one topic and queue, all or none. Body: see batch-body.ts.
 *
 * Units:  the reply's queueOffset is that of the first message, msgId the offsetMsgIds of all, comma-separated.
 * Errors: as in SEND_MESSAGE; MESSAGE_ILLEGAL also for a batch to a retry topic or with a delay level.
 * Source: RocketMQ 5.3 SendMessageRequestHeaderV2.java, SendMessageProcessor.java
 */
export const sendBatchMessage = defineRequest({
  code: RequestCode.SEND_BATCH_MESSAGE,
  request: sendMessageV2Fields,
  response: sendMessageResponse,
});
