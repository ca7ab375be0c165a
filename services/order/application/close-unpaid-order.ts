import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { DomainError } from '../../common/errors.ts';
import { MessageTransactions } from '../../common/message-transactions.ts';
import type { OrderCloseCheck } from '../../contracts/order-close-check.ts';
import { closeOrder, type Order } from '../domain/order.ts';
import { OrderRepository } from '../persistence/order.repository.ts';
import { orderNotFound } from './find-order.ts';
import { orderClosed } from './order-announcements.ts';

/** `overtaken`: the order is paid, or never came to be. */
export type Closing = 'handled' | 'duplicate' | 'overtaken';

/**
 * Closes an order whose time to pay is over, and announces it. Pay and close meet at the order's row: one of them wins,
 * by the table of moves.
 *
 * Errors: ORDER.NOT_YET_DUE, to be tried again later; those of a message transaction.
 */
@Injectable()
export class CloseUnpaidOrder {
  constructor(
    private readonly dataSource: DataSource,
    private readonly orders: OrderRepository,
    private readonly transactions: MessageTransactions,
    private readonly clock: Clock,
  ) {}

  async execute(check: OrderCloseCheck): Promise<Closing> {
    const { orderNo } = check;
    const now = this.clock.now();
    if (now.getTime() < Date.parse(check.payBy)) throw notYetDue(check, now);
    const found = await this.#orderOf(check);
    // A first look, so that the many orders that were paid cost no message.
    if (found === undefined || found.status === 'PAID') return 'overtaken';
    if (closeOrder(found, now).isRepeat) return 'duplicate';
    return this.transactions.announce<Closing>(orderClosed(found, now), async (manager) => {
      const current = await this.orders.findForUpdate(manager, orderNo);
      if (current === undefined) throw orderNotFound(orderNo);
      if (current.status === 'PAID') return { rollback: 'overtaken' };
      const { order, isRepeat } = closeOrder(current, now);
      if (isRepeat) return { rollback: 'duplicate' };
      await this.orders.updateStatus(manager, order);
      return { commit: 'handled' };
    });
  }

  /**
   * Undefined only when the order does not exist and never will.
   *
   * Its transaction may be under way still, on a machine that was asleep, say; acknowledged now, the check would never
   * come again. So a transaction that has not committed by now must not.
   */
  async #orderOf({ orderNo, transactionKey }: OrderCloseCheck): Promise<Order | undefined> {
    const { manager } = this.dataSource;
    const order = await this.orders.find(manager, orderNo);
    if (order !== undefined) return order;
    const outcome = await this.transactions.settle(transactionKey);
    return outcome === 'COMMITTED' ? this.orders.find(manager, orderNo) : undefined;
  }
}

function notYetDue({ orderNo, payBy }: OrderCloseCheck, now: Date): DomainError {
  return new DomainError(
    'ORDER.NOT_YET_DUE',
    'unavailable',
    `order ${orderNo} may be paid until ${payBy}, it is ${now.toISOString()} by this clock`,
  );
}
