import { defineRequest } from '../define-request.ts';
import { aliased, int64, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * CHECK_TRANSACTION_STATE: broker to producer, oneway: what became of the local transaction of this half message?
 * The answer is an END_TRANSACTION with the same two offsets. Body: one record, the half message under its real topic
 * and queue.
 *
 * Units:  tranStateTableOffset is the half message's queueOffset, commitLogOffset is in bytes.
 * Source: RocketMQ 5.3 CheckTransactionStateRequestHeader.java, ClientRemotingProcessor.java
 */
export const checkTransactionState = defineRequest({
  code: RequestCode.CHECK_TRANSACTION_STATE,
  request: {
    /** 5.x only, and there it is the half topic. */
    topic: optional(str),
    tranStateTableOffset: int64,
    commitLogOffset: int64,
    /** The producer's own id (UNIQ_KEY), twice. */
    msgId: optional(str),
    transactionId: optional(str),
    offsetMsgId: optional(str),
    brokerName: optional(aliased('bname', str)),
  },
  response: {},
});
