import { defineRequest } from '../define-request.ts';
import { aliased, bool, int32, int64, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/** What commitOrRollback may say: the transaction bits of sysFlag, or 0 for "not known yet". */
export const TransactionDecision = {
  UNKNOWN: 0x0,
  COMMIT: 0x8,
  ROLLBACK: 0xc,
} as const;

/**
 * END_TRANSACTION: the producer says what became of the local transaction of a half message. Java and Go send it
 * oneway; the remark may hold what the local transaction failed with.
 *
 * Units:  tranStateTableOffset is the half message's queueOffset, commitLogOffset is in bytes; both as the reply to the
 *         send, or the check, named them.
 * Errors: SYSTEM_ERROR (no such half message, of another group, or settled the other way), ILLEGAL_OPERATION (after the
 *         half message's immunity time, unless it answers a check). An original leaves UNKNOWN without an answer.
 * Source: RocketMQ 5.3 EndTransactionRequestHeader.java, EndTransactionProcessor.java
 */
export const endTransaction = defineRequest({
  code: RequestCode.END_TRANSACTION,
  request: {
    /** 5.x only. */
    topic: optional(str),
    producerGroup: str,
    tranStateTableOffset: int64,
    commitLogOffset: int64,
    /** One of TransactionDecision. */
    commitOrRollback: int32,
    /** The answer to a check, not the end of a send. */
    fromTransactionCheck: optional(bool),
    msgId: str,
    transactionId: optional(str),
    brokerName: optional(aliased('bname', str)),
  },
  response: {},
});
