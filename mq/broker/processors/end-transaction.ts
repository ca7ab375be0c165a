import { endTransaction, TransactionDecision } from '../../protocol/requests/end-transaction.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { invalidParameter } from '../refusals.ts';
import type { Decision } from '../transaction-table.ts';

const decisions: ReadonlyMap<number, Decision> = new Map([
  [TransactionDecision.COMMIT, 'COMMIT'],
  [TransactionDecision.ROLLBACK, 'ROLLBACK'],
]);

/**
 * END_TRANSACTION: commits or rolls back a half message.
 *
 * "Unknown" changes nothing: the broker will ask. The original leaves such a request without an answer; a peer that
 * wants one gets it here, since every request is answered.
 *
 * Source: RocketMQ 5.3 EndTransactionProcessor.java.
 */
export function endTransactionProcessor({ transactions, logger }: BrokerContext): Processor {
  return async (request, connection) => {
    const header = endTransaction.decodeRequest(request.extFields);
    const { producerGroup, commitOrRollback, commitLogOffset, msgId } = header;
    const isFromCheck = header.fromTransactionCheck === true;
    if (commitOrRollback === TransactionDecision.UNKNOWN) {
      logger.info('a producer does not know yet what became of its transaction', {
        producerGroup,
        msgId,
        isFromCheck,
        peer: connection.peer,
        remark: request.remark,
      });
      return { code: ResponseCode.SUCCESS };
    }
    const decision = decisions.get(commitOrRollback);
    if (decision === undefined) {
      throw invalidParameter(request, `commitOrRollback is ${commitOrRollback}, not 0, 8 or 12`);
    }
    await transactions.end({
      producerGroup,
      halfOffset: header.tranStateTableOffset,
      commitLogOffset,
      decision,
      isFromCheck,
    });
    return { code: ResponseCode.SUCCESS };
  };
}
