import { SetMetadata, type CustomDecorator } from '@nestjs/common';
import { MqError, type CheckLocalTransaction } from '../index.ts';

export const TRANSACTION_CHECKER_METADATA = Symbol('millrace.transaction-checker');

/**
 * Makes a provider's method the one that answers brokers which ask after a transaction.
 *
 *     @TransactionChecker()
 *     async isPlaced(message: ConsumedMessage): Promise<LocalTransactionState> { … }
 *
 * An application whose module options have `transaction` has exactly one. It must answer from what was committed, for
 * transactions of other processes of the group, too. Throwing means UNKNOW: the broker asks again.
 */
export function TransactionChecker(): CustomDecorator<symbol> {
  return SetMetadata(TRANSACTION_CHECKER_METADATA, true);
}

/**
 * Where the TransactionProducer finds the application's `@TransactionChecker`, which is known only when all providers
 * have been made, some of them with the TransactionProducer.
 */
export class TransactionCheckBack {
  #checker: CheckLocalTransaction | undefined;

  use(checker: CheckLocalTransaction): void {
    this.#checker = checker;
  }

  readonly check: CheckLocalTransaction = (message, context) => {
    if (this.#checker !== undefined) return this.#checker(message, context);
    throw new MqError('CLIENT_CLOSED', 'the application has not started its listeners yet');
  };
}
