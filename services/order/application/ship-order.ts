import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Handling } from '../../common/consumption.ts';
import { MessageTransactions } from '../../common/message-transactions.ts';
import type { ShipmentShipped } from '../../contracts/warehouse-events.ts';
import { shipOrder } from '../domain/order.ts';
import { OrderRepository } from '../persistence/order.repository.ts';
import { orderNotFound } from './find-order.ts';
import { orderShipped } from './order-announcements.ts';

/** Notes that an order is on its way, and announces it. Errors: ORDER.NOT_FOUND; ORDER.ILLEGAL_MOVE; those of a message transaction. */
@Injectable()
export class ShipOrder {
  constructor(
    private readonly dataSource: DataSource,
    private readonly orders: OrderRepository,
    private readonly transactions: MessageTransactions,
  ) {}

  async execute({ orderNo, trackingNo, occurredAt }: ShipmentShipped): Promise<Handling> {
    const shipment = { trackingNo, shippedAt: new Date(occurredAt) };
    const found = await this.orders.find(this.dataSource.manager, orderNo);
    if (found === undefined) throw orderNotFound(orderNo);
    // A first look, so that what is done already costs no message.
    if (shipOrder(found, shipment).isRepeat) return 'duplicate';
    const event = orderShipped(found, trackingNo, shipment.shippedAt);
    return this.transactions.announce<Handling>(event, async (manager) => {
      const current = await this.orders.findForUpdate(manager, orderNo);
      if (current === undefined) throw orderNotFound(orderNo);
      const { order, isRepeat } = shipOrder(current, shipment);
      if (isRepeat) return { rollback: 'duplicate' };
      await this.orders.updateProgress(manager, order);
      return { commit: 'handled' };
    });
  }
}
