import { defineRequest } from '../define-request.ts';
import { aliased, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * RECALL_MESSAGE: takes back a message that waits for its time.
 *
 * Shape:  recallHandle is that of the send's reply, see recall-handle.ts; msgId in the reply is the message's UNIQ_KEY.
 * Errors: ILLEGAL_OPERATION for a handle of another topic or broker, one that is none, and a message that does not wait
 *         any more; TOPIC_NOT_EXIST; NO_PERMISSION when recallMessageEnable is false; SERVICE_NOT_AVAILABLE; FLUSH_DISK_TIMEOUT (stored, not safe yet).
 * Source: RocketMQ 5.3 RecallMessageRequestHeader.java, RecallMessageProcessor.java
 */
export const recallMessage = defineRequest({
  code: RequestCode.RECALL_MESSAGE,
  request: {
    producerGroup: optional(str),
    topic: str,
    recallHandle: str,
    brokerName: optional(aliased('bname', str)),
  },
  response: { msgId: str, MSG_REGION: optional(str) },
});
