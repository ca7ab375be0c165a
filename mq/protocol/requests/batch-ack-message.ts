import { defineRequest } from '../define-request.ts';
import { RequestCode } from '../request-code.ts';

/**
 * BATCH_ACK_MESSAGE: popped messages are done. Body: see batch-ack.ts.
 *
 * Errors: NO_MESSAGE when the body names none. What is not there, or no longer invisible, is passed over.
 * Source: RocketMQ 5.3 BatchAckMessageRequestBody.java, AckMessageProcessor.java
 */
export const batchAckMessage = defineRequest({
  code: RequestCode.BATCH_ACK_MESSAGE,
  request: {},
  response: {},
});
