import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import type { Handling } from '../../common/consumption.ts';
import { OrderTransactions } from '../../common/order-transactions.ts';
import { inTransaction } from '../../common/transaction.ts';
import type { ReservationCheck } from '../../contracts/reservation-check.ts';
import { decideMove, type Reservation } from '../domain/reservation.ts';
import { ReservationRepository } from '../persistence/reservation.repository.ts';
import { SettleReservation } from './settle-reservation.ts';

/**
 * Asks after a reservation of which nobody has said that its order was placed, and lets go of it if there is no order.
 *
 * Errors: ORDER.UNAVAILABLE, to be tried again.
 */
@Injectable()
export class CheckReservation {
  constructor(
    private readonly dataSource: DataSource,
    private readonly reservations: ReservationRepository,
    private readonly settle: SettleReservation,
    private readonly orders: OrderTransactions,
    private readonly clock: Clock,
  ) {}

  async execute({ orderNo, transactionKey }: ReservationCheck): Promise<Handling> {
    const found = await this.#find(orderNo);
    const isOpen = found.status === 'RESERVED' && !found.isOrderKnown;
    // With another key this is the check of a request that was refused; the reservation has one of its own.
    if (!isOpen || found.transactionKey !== transactionKey) return 'overtaken';
    // Asked outside of a transaction: the answer may take seconds, and the goods are wanted by others.
    if (await this.orders.isPlaced(transactionKey)) {
      const count = await inTransaction(this.dataSource, (manager) =>
        this.reservations.noteOrders(manager, [orderNo], this.clock.now()),
      );
      return count === 1 ? 'handled' : 'overtaken';
    }
    return inTransaction(this.dataSource, async (manager) => {
      const current = await this.reservations.findForUpdate(manager, orderNo);
      if (current === undefined) throw new Error(`the reservation of order ${orderNo} has gone`);
      if (decideMove(current.status, 'RELEASED') !== 'moved') return 'overtaken';
      await this.settle.execute(manager, orderNo, { status: 'RELEASED' }, this.clock.now());
      return 'handled';
    });
  }

  /**
   * The reservation was refused, or it is still under way, on a machine that was asleep, say; acknowledged now, this check
   * would never come again. So one that has not committed by now must not.
   */
  async #find(orderNo: string): Promise<Reservation> {
    return (
      (await this.reservations.find(this.dataSource.manager, orderNo)) ??
      (await inTransaction(this.dataSource, (manager) =>
        this.reservations.findForUpdateOrBury(manager, orderNo, this.clock.now()),
      ))
    );
  }
}
