import type { ProducerOptions, SendOptions } from './producer-options.ts';
import type { SendResult } from './send-result.ts';
import type { CheckLocalTransaction } from './transaction-checks.ts';
import type { LocalTransactionState } from './transaction-state.ts';

export interface TransactionProducerOptions extends ProducerOptions {
  /**
   * Answers the broker for transactions of this group that nobody has ended: those of a process that died, and those
   * whose END_TRANSACTION was lost. Asked of any member of the group.
   */
  checkLocalTransaction: CheckLocalTransaction;
  /** Checks running at a time. Default 20. Up to 1,000 or 64 MiB wait; then the oldest is left for the broker to ask again. */
  checkConcurrency?: number;
  /** A check that takes longer has its signal aborted and is answered UNKNOW. Default 60,000. */
  checkTimeoutMs?: number;
  /** Largest body after inflating that a check is called with; a larger one is answered UNKNOW. Default 16 MiB. */
  maxBodyBytes?: number;
  /** How long shutdown waits for running local transactions and checks. Default 10,000. */
  shutdownGraceMs?: number;
}

export interface TransactionSendOptions extends SendOptions {
  /**
   * How old the half message must be before the broker asks after it, if that is more than its transactionTimeOut, 6 s. When
   * the local transaction takes longer than both, the broker refuses its outcome and asks for it.
   */
  checkImmunityTimeSeconds?: number;
}

/** What a local transaction is told of its half message. */
export interface SentHalf {
  msgId: string;
  /** The msgId, as everywhere in RocketMQ. */
  transactionId: string;
}

/** The work that the message stands for. Throwing means UNKNOW. */
export type ExecuteLocalTransaction = (
  sent: SentHalf,
) => LocalTransactionState | Promise<LocalTransactionState>;

/** `queueOffset` and `offsetMsgId` are those of the half message. */
export interface TransactionSendResult extends SendResult {
  transactionId: string;
  localTransactionState: LocalTransactionState;
}
