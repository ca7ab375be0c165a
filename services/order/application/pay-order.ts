import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { appendToOutbox } from '../../common/outbox.ts';
import { OutboxRelay } from '../../common/outbox-relay.ts';
import { inTransaction } from '../../common/transaction.ts';
import { payOrder, type Order } from '../domain/order.ts';
import { OrderRepository } from '../persistence/order.repository.ts';
import { orderPaid } from './order-announcements.ts';
import { orderNotFound } from './find-order.ts';

/**
 * Moves an order to PAID and announces it, once: paying a paid order changes nothing and says so.
 *
 * Errors: ORDER.NOT_FOUND, ORDER.ILLEGAL_MOVE naming the state.
 */
@Injectable()
export class PayOrder {
  constructor(
    private readonly dataSource: DataSource,
    private readonly orders: OrderRepository,
    private readonly relay: OutboxRelay,
    private readonly clock: Clock,
  ) {}

  async execute(orderNo: string): Promise<Order> {
    const paidAt = this.clock.now();
    const paid = await inTransaction(this.dataSource, async (manager) => {
      const found = await this.orders.findForUpdate(manager, orderNo);
      if (found === undefined) throw orderNotFound(orderNo);
      const { order, isRepeat } = payOrder(found, paidAt);
      if (!isRepeat) {
        await this.orders.updateStatus(manager, order);
        await appendToOutbox(manager, orderPaid(order, paidAt));
      }
      return order;
    });
    this.relay.wake();
    return paid;
  }
}
