import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { MessageTransactions } from '../../common/message-transactions.ts';
import { payOrder, type Order } from '../domain/order.ts';
import { OrderRepository } from '../persistence/order.repository.ts';
import { orderNotFound } from './find-order.ts';
import { orderPaid } from './order-announcements.ts';

/**
 * Moves an order to PAID and announces it, once: paying a paid order changes nothing and says so.
 *
 * Errors: ORDER.NOT_FOUND, ORDER.ILLEGAL_MOVE naming the state; those of a message transaction.
 */
@Injectable()
export class PayOrder {
  constructor(
    private readonly dataSource: DataSource,
    private readonly orders: OrderRepository,
    private readonly transactions: MessageTransactions,
    private readonly clock: Clock,
  ) {}

  async execute(orderNo: string): Promise<Order> {
    const paidAt = this.clock.now();
    const found = await this.orders.find(this.dataSource.manager, orderNo);
    if (found === undefined) throw orderNotFound(orderNo);
    // A first look, so that what can be refused or is done already costs no message.
    const intended = payOrder(found, paidAt);
    if (intended.isRepeat) return intended.order;
    return this.transactions.announce(orderPaid(intended.order, paidAt), async (manager) => {
      const current = await this.orders.findForUpdate(manager, orderNo);
      if (current === undefined) throw orderNotFound(orderNo);
      const { order, isRepeat } = payOrder(current, paidAt);
      if (isRepeat) return { rollback: order };
      await this.orders.updateStatus(manager, order);
      return { commit: order };
    });
  }
}
