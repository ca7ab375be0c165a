import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Handling } from '../../common/consumption.ts';
import { MessageTransactions } from '../../common/message-transactions.ts';
import type { FlashCloseCheck } from '../../contracts/order-close-check.ts';
import { OrderRepository } from '../persistence/order.repository.ts';
import { RequestCloseCheck } from './request-close-check.ts';

/**
 * Looks after the orders of one batch when their time to pay is over: each that is neither paid nor closed gets a check of its
 * own, by which it is closed like any other.
 *
 * Errors: those of the database and of the spool; tried again, it may ask twice for one order, and the second finds it closed.
 */
@Injectable()
export class CheckFlashOrders {
  constructor(
    private readonly dataSource: DataSource,
    private readonly orders: OrderRepository,
    private readonly transactions: MessageTransactions,
    private readonly requestCloseCheck: RequestCloseCheck,
  ) {}

  async execute(check: FlashCloseCheck): Promise<Handling> {
    // The batch may be under way still, on a machine that was asleep, say, and this check would never come again: one that has
    // not committed by now must not. Its orders come in another batch then, with a check of its own.
    const outcome = await this.transactions.settle(check.transactionKey);
    if (outcome === 'ROLLED_BACK') return 'overtaken';
    const orderNos = check.orders.map(({ orderNo }) => orderNo);
    const pendingNos = await this.orders.pendingOf(this.dataSource.manager, orderNos);
    await Promise.all(pendingNos.map((orderNo) => this.requestCloseCheck.ofOrder(orderNo, check)));
    return pendingNos.length === 0 ? 'overtaken' : 'handled';
  }
}
