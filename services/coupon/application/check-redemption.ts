import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import type { Handling } from '../../common/consumption.ts';
import { OrderTransactions } from '../../common/order-transactions.ts';
import { inTransaction } from '../../common/transaction.ts';
import type { ReservationCheck } from '../../contracts/reservation-check.ts';
import { decideRelease, type Redemption } from '../domain/redemption.ts';
import { RedemptionRepository } from '../persistence/redemption.repository.ts';
import { GiveCouponBack } from './give-coupon-back.ts';

/**
 * Asks after a redemption of which nobody has said that its order was placed, and gives the coupon back if there is no order.
 *
 * Errors: ORDER.UNAVAILABLE, to be tried again.
 */
@Injectable()
export class CheckRedemption {
  constructor(
    private readonly dataSource: DataSource,
    private readonly redemptions: RedemptionRepository,
    private readonly giveBack: GiveCouponBack,
    private readonly orders: OrderTransactions,
    private readonly clock: Clock,
  ) {}

  async execute({ orderNo, transactionKey }: ReservationCheck): Promise<Handling> {
    const found = await this.#find(orderNo);
    const isOpen = found.status === 'HELD' && !found.isOrderKnown;
    // With another key this is the check of a request that was refused; the redemption has one of its own.
    if (!isOpen || found.transactionKey !== transactionKey) return 'overtaken';
    // Asked outside of a transaction: the answer may take seconds.
    if (await this.orders.isPlaced(transactionKey)) {
      const isNews = await inTransaction(this.dataSource, (manager) =>
        this.redemptions.noteOrder(manager, orderNo, this.clock.now()),
      );
      return isNews ? 'handled' : 'overtaken';
    }
    return inTransaction(this.dataSource, async (manager) => {
      const current = await this.redemptions.findForUpdate(manager, orderNo);
      if (current === undefined) throw new Error(`the redemption of order ${orderNo} has gone`);
      if (decideRelease(current) !== 'moved') return 'overtaken';
      await this.giveBack.execute(manager, current, {}, this.clock.now());
      return 'handled';
    });
  }

  /**
   * The redemption was refused, or it is still under way, on a machine that was asleep, say; acknowledged now, this check would
   * never come again. So one that has not committed by now must not.
   */
  async #find(orderNo: string): Promise<Redemption> {
    return (
      (await this.redemptions.find(this.dataSource.manager, orderNo)) ??
      (await inTransaction(this.dataSource, (manager) =>
        this.redemptions.findForUpdateOrBury(manager, orderNo, this.clock.now()),
      ))
    );
  }
}
