import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import type { Handling } from '../../common/consumption.ts';
import { newDocumentNo } from '../../common/document-number.ts';
import { DomainError } from '../../common/errors.ts';
import { joining, MessageTransactions, type JointWork } from '../../common/message-transactions.ts';
import { refundLatePayment, type OrderRefund } from '../domain/order-refund.ts';
import { payOrder, type Order } from '../domain/order.ts';
import { OrderRefundRepository } from '../persistence/order-refund.repository.ts';
import { OrderRepository } from '../persistence/order.repository.ts';
import { FindOrder, orderNotFound } from './find-order.ts';
import { moveTogether } from './move-together.ts';
import { orderPaid, refundBegun } from './order-announcements.ts';
import type { SucceededPayment } from './order-payments.ts';

/**
 * Moves an order to PAID when its payment has succeeded, and announces it, once. Money for an order that was closed meanwhile
 * goes back.
 *
 * Errors: ORDER.NOT_FOUND; PAYMENT.WRONG_AMOUNT and PAYMENT.PAID_TWICE, which a person must look at; those of a message
 *         transaction.
 */
@Injectable()
export class PayOrder {
  readonly #paying: JointWork<Paying, Handling | 'closed'>;

  constructor(
    private readonly dataSource: DataSource,
    private readonly orders: OrderRepository,
    private readonly refunds: OrderRefundRepository,
    private readonly findOrder: FindOrder,
    private readonly transactions: MessageTransactions,
    private readonly clock: Clock,
  ) {
    this.#paying = transactions.jointly<Paying, Handling | 'closed'>(async (manager, payings) => {
      await moveTogether(orders, manager, payings, (order, { paymentNo, paidAt }) =>
        payOrder(order, { paymentNo, paidAt }),
      );
      return payings.map(() => 'handled');
    });
  }

  async execute(payment: SucceededPayment): Promise<Handling> {
    const { orderNo, paymentNo } = payment;
    const found = await this.findOrder.execute(orderNo);
    refuseWrongAmount(found, payment);
    if (found.status === 'CANCELLED') return this.#giveBack(found, paymentNo);
    const paidAt = this.clock.now();
    // A first look, so that what is done already costs no message.
    if (payOrder(found, { paymentNo, paidAt }).isRepeat) return 'duplicate';
    const outcome = await this.transactions.announce<Handling | 'closed'>(
      orderPaid(found, paymentNo, paidAt),
      async (inTransaction) => {
        const current = await this.#locked(inTransaction, orderNo);
        if (current.status === 'CANCELLED') return { rollback: 'closed' };
        const { order, isRepeat } = payOrder(current, { paymentNo, paidAt });
        if (isRepeat) return { rollback: 'duplicate' };
        await this.orders.updateProgress(inTransaction, order);
        return { commit: 'handled' };
      },
      { joined: joining(this.#paying, { orderNo, paymentNo, paidAt }) },
    );
    return outcome === 'closed' ? this.#giveBack(found, paymentNo) : outcome;
  }

  async #giveBack(order: Order, paymentNo: string): Promise<Handling> {
    const requestedAt = this.clock.now();
    const known = await this.refunds.ofOrder(this.dataSource.manager, order.orderNo);
    if (known.some((refund) => refund.paymentNo === paymentNo)) return 'duplicate';
    const refundNo = newDocumentNo(requestedAt);
    const refund: OrderRefund = refundLatePayment(order, { refundNo, paymentNo, requestedAt });
    return this.transactions.announce<Handling>(refundBegun(order, refund), async (manager) =>
      (await this.refunds.insert(manager, refund))
        ? { commit: 'handled' }
        : { rollback: 'duplicate' },
    );
  }

  async #locked(manager: EntityManager, orderNo: string): Promise<Order> {
    const order = await this.orders.findForUpdate(manager, orderNo);
    if (order === undefined) throw orderNotFound(orderNo);
    return order;
  }
}

interface Paying {
  orderNo: string;
  paymentNo: string;
  paidAt: Date;
}

function refuseWrongAmount(order: Order, payment: SucceededPayment): void {
  if (payment.amountMinor === order.totalMinor && payment.currency === order.currency) return;
  throw new DomainError(
    'PAYMENT.WRONG_AMOUNT',
    'invalid',
    `payment ${payment.paymentNo} is over ${payment.amountMinor} ${payment.currency}, ` +
      `order ${order.orderNo} over ${order.totalMinor} ${order.currency}`,
  );
}
