import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { DomainError } from '../../common/errors.ts';
import { inTransaction } from '../../common/transaction.ts';
import { decideMove } from '../domain/reservation.ts';
import { ReservationRepository } from '../persistence/reservation.repository.ts';
import { SettleReservation } from './settle-reservation.ts';

/**
 * Lets go what was set aside for an order that will not be; should there be nothing yet, a reservation that comes later is
 * refused. What is known to be an order's is let go by the order's events only.
 *
 * Errors: STOCK.CONFIRMED; STOCK.ORDER_PLACED.
 */
@Injectable()
export class ReleaseReservation {
  constructor(
    private readonly dataSource: DataSource,
    private readonly reservations: ReservationRepository,
    private readonly settle: SettleReservation,
    private readonly clock: Clock,
  ) {}

  execute(orderNo: string): Promise<void> {
    const now = this.clock.now();
    return inTransaction(this.dataSource, async (manager) => {
      const found = await this.reservations.findForUpdateOrBury(manager, orderNo, now);
      const move = decideMove(found.status, 'RELEASED');
      if (move === 'repeated') return;
      if (move === 'refused') {
        throw new DomainError(
          'STOCK.CONFIRMED',
          'conflict',
          `the reservation of order ${orderNo} is ${found.status}: the order is paid`,
        );
      }
      if (found.isOrderKnown) {
        throw new DomainError(
          'STOCK.ORDER_PLACED',
          'conflict',
          `order ${orderNo} was placed; its goods are let go when it is closed`,
        );
      }
      await this.settle.execute(manager, orderNo, { status: 'RELEASED' }, now);
    });
  }
}
