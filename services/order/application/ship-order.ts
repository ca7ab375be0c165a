import { Injectable } from '@nestjs/common';
import type { Handling } from '../../common/consumption.ts';
import { joining, MessageTransactions, type JointWork } from '../../common/message-transactions.ts';
import type { ShipmentShipped } from '../../contracts/warehouse-events.ts';
import { shipOrder } from '../domain/order.ts';
import { OrderRepository } from '../persistence/order.repository.ts';
import { FindOrder, orderNotFound } from './find-order.ts';
import { moveTogether } from './move-together.ts';
import { orderShipped } from './order-announcements.ts';

/** Notes that an order is on its way, and announces it. Errors: ORDER.NOT_FOUND; ORDER.ILLEGAL_MOVE; those of a message transaction. */
@Injectable()
export class ShipOrder {
  readonly #shipping: JointWork<Shipping, Handling>;

  constructor(
    private readonly orders: OrderRepository,
    private readonly findOrder: FindOrder,
    private readonly transactions: MessageTransactions,
  ) {
    this.#shipping = transactions.jointly<Shipping, Handling>(async (manager, shippings) => {
      await moveTogether(orders, manager, shippings, (order, { trackingNo, shippedAt }) =>
        shipOrder(order, { trackingNo, shippedAt }),
      );
      return shippings.map(() => 'handled');
    });
  }

  async execute({ orderNo, trackingNo, occurredAt }: ShipmentShipped): Promise<Handling> {
    const shipment = { trackingNo, shippedAt: new Date(occurredAt) };
    const found = await this.findOrder.execute(orderNo);
    // A first look, so that what is done already costs no message.
    if (shipOrder(found, shipment).isRepeat) return 'duplicate';
    const event = orderShipped(found, trackingNo, shipment.shippedAt);
    return this.transactions.announce<Handling>(
      event,
      async (manager) => {
        const current = await this.orders.findForUpdate(manager, orderNo);
        if (current === undefined) throw orderNotFound(orderNo);
        const { order, isRepeat } = shipOrder(current, shipment);
        if (isRepeat) return { rollback: 'duplicate' };
        await this.orders.updateProgress(manager, order);
        return { commit: 'handled' };
      },
      { joined: joining(this.#shipping, { orderNo, ...shipment }) },
    );
  }
}

interface Shipping {
  orderNo: string;
  trackingNo: string;
  shippedAt: Date;
}
