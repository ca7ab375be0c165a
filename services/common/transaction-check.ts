import { Injectable } from '@nestjs/common';
import { MessageTransactions } from './message-transactions.ts';
import { TransactionChecker, type HalfMessage, type LocalTransactionState } from './mq.module.ts';

/** Where the broker's questions about half messages arrive, for a service that sends any. */
@Injectable()
export class TransactionCheck {
  constructor(private readonly transactions: MessageTransactions) {}

  @TransactionChecker()
  check(message: HalfMessage): Promise<LocalTransactionState> {
    return this.transactions.check(message);
  }
}
