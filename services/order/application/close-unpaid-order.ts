import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import type { Handling } from '../../common/consumption.ts';
import { DomainError, isUnavailable } from '../../common/errors.ts';
import { MessageTransactions } from '../../common/message-transactions.ts';
import type { OrderCloseCheck } from '../../contracts/order-close-check.ts';
import { isPaidFor } from '../domain/order-status.ts';
import { closeOrder, type Order } from '../domain/order.ts';
import { OrderRepository } from '../persistence/order.repository.ts';
import { orderNotFound } from './find-order.ts';
import { orderClosed } from './order-announcements.ts';
import { OrderPayments, type PaymentState } from './order-payments.ts';
import { PayOrder } from './pay-order.ts';
import { PayTimeout } from './request-close-check.ts';

/**
 * Closes an order whose time to pay is over, and announces it. Pay and close meet at the order's row: one of them wins,
 * by the table of moves.
 *
 * A payment that is under way is waited for, for so long; then the order is closed all the same, and money that comes after
 * that goes back (`PayOrder`). One that has succeeded pays the order, whether or not the message that tells of it has come.
 *
 * Errors: ORDER.NOT_YET_DUE and ORDER.PAYMENT_UNDER_WAY, to be tried again later; those of PayOrder and of a message transaction.
 */
@Injectable()
export class CloseUnpaidOrder {
  constructor(
    private readonly dataSource: DataSource,
    private readonly orders: OrderRepository,
    private readonly transactions: MessageTransactions,
    private readonly payments: OrderPayments,
    private readonly payOrder: PayOrder,
    private readonly timeout: PayTimeout,
    private readonly clock: Clock,
  ) {}

  async execute(check: OrderCloseCheck): Promise<Handling> {
    const { orderNo } = check;
    const now = this.clock.now();
    if (now.getTime() < Date.parse(check.payBy)) throw notYetDue(check, now);
    const found = await this.#orderOf(check);
    // A first look, so that the many orders that were paid cost no message.
    if (found === undefined || isPaidFor(found.status)) return 'overtaken';
    if (closeOrder(found, now).isRepeat) return 'duplicate';
    const payment = await this.#payment(check, now);
    // The message that says so is on its way, as a rule. Should it have been lost, nobody would come to look after the order
    // any more, whose money is there.
    if (typeof payment === 'object') return this.payOrder.execute(payment);
    return this.transactions.announce<Handling>(orderClosed(found, now), async (manager) => {
      const current = await this.orders.findForUpdate(manager, orderNo);
      if (current === undefined) throw orderNotFound(orderNo);
      if (isPaidFor(current.status)) return { rollback: 'overtaken' };
      const { order, isRepeat } = closeOrder(current, now);
      if (isRepeat) return { rollback: 'duplicate' };
      await this.orders.updateProgress(manager, order);
      return { commit: 'handled' };
    });
  }

  async #payment({ orderNo, payBy }: OrderCloseCheck, now: Date): Promise<PaymentState> {
    const isPatient = now.getTime() < Date.parse(payBy) + this.timeout.graceMs;
    try {
      const state = await this.payments.stateOf(orderNo);
      if (state !== 'PROCESSING' || !isPatient) return state;
    } catch (error) {
      if (isPatient || !isUnavailable(error)) throw error;
      return 'PROCESSING';
    }
    throw new DomainError(
      'ORDER.PAYMENT_UNDER_WAY',
      'unavailable',
      `a payment of order ${orderNo} is under way; it is waited for until ${this.timeout.graceMs} ms after ${payBy}`,
    );
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
    return outcome === 'ROLLED_BACK' ? undefined : this.orders.find(manager, orderNo);
  }
}

function notYetDue({ orderNo, payBy }: OrderCloseCheck, now: Date): DomainError {
  return new DomainError(
    'ORDER.NOT_YET_DUE',
    'unavailable',
    `order ${orderNo} may be paid until ${payBy}, it is ${now.toISOString()} by this clock`,
  );
}
