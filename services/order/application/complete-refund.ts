import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import type { Handling } from '../../common/consumption.ts';
import { DomainError } from '../../common/errors.ts';
import { MessageTransactions } from '../../common/message-transactions.ts';
import type { RefundCompleted } from '../../contracts/refund-events.ts';
import { completeRefund, type OrderRefund } from '../domain/order-refund.ts';
import { OrderRefundRepository } from '../persistence/order-refund.repository.ts';
import { OrderRepository } from '../persistence/order.repository.ts';
import { orderNotFound } from './find-order.ts';
import { refundCompleted } from './order-announcements.ts';

/** Ends REFUNDING when every step of the refund is done. Errors: ORDER.NOT_FOUND, REFUND.NOT_FOUND; those of a message transaction. */
@Injectable()
export class CompleteRefund {
  constructor(
    private readonly dataSource: DataSource,
    private readonly orders: OrderRepository,
    private readonly refunds: OrderRefundRepository,
    private readonly transactions: MessageTransactions,
    private readonly clock: Clock,
  ) {}

  async execute({ orderNo, refundNo }: RefundCompleted): Promise<Handling> {
    const { manager } = this.dataSource;
    const refund = await this.#refund(manager, orderNo, refundNo);
    if (refund.completedAt !== undefined) return 'duplicate';
    const order = await this.orders.find(manager, orderNo);
    if (order === undefined) throw orderNotFound(orderNo);
    const completedAt = this.clock.now();
    const event = refundCompleted(order, refund, completedAt);
    return this.transactions.announce<Handling>(event, async (inTransaction) => {
      const current = await this.orders.findForUpdate(inTransaction, orderNo);
      if (current === undefined) throw orderNotFound(orderNo);
      const found = await this.#refund(inTransaction, orderNo, refundNo);
      if (found.completedAt !== undefined) return { rollback: 'duplicate' };
      await this.refunds.complete(inTransaction, refundNo, completedAt);
      await this.orders.updateProgress(inTransaction, completeRefund(current, found));
      return { commit: 'handled' };
    });
  }

  async #refund(manager: EntityManager, orderNo: string, refundNo: string): Promise<OrderRefund> {
    const refund = await this.refunds.find(manager, refundNo);
    if (refund?.orderNo === orderNo) return refund;
    throw new DomainError(
      'REFUND.NOT_FOUND',
      'not_found',
      `order ${orderNo} has no refund ${refundNo}`,
    );
  }
}
