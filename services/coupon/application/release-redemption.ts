import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { DomainError } from '../../common/errors.ts';
import { inTransaction } from '../../common/transaction.ts';
import { decideRelease } from '../domain/redemption.ts';
import { RedemptionRepository } from '../persistence/redemption.repository.ts';
import { GiveCouponBack } from './give-coupon-back.ts';

/**
 * Gives back the coupon of an order that will not be; should there be no redemption yet, one that comes later is refused. That
 * of a placed order is given back by the order's events only.
 *
 * Errors: COUPON.KEPT; COUPON.ORDER_PLACED.
 */
@Injectable()
export class ReleaseRedemption {
  constructor(
    private readonly dataSource: DataSource,
    private readonly redemptions: RedemptionRepository,
    private readonly giveBack: GiveCouponBack,
    private readonly clock: Clock,
  ) {}

  execute(orderNo: string): Promise<void> {
    const now = this.clock.now();
    return inTransaction(this.dataSource, async (manager) => {
      const found = await this.redemptions.findForUpdateOrBury(manager, orderNo, now);
      if (found.status === 'RELEASED') return;
      if (decideRelease(found) === 'refused') {
        throw new DomainError(
          'COUPON.KEPT',
          'conflict',
          `the redemption of order ${orderNo} is ${found.status}: the order is paid`,
        );
      }
      if (found.isOrderKnown) {
        throw new DomainError(
          'COUPON.ORDER_PLACED',
          'conflict',
          `order ${orderNo} was placed; its coupon is given back when it is closed`,
        );
      }
      await this.giveBack.execute(manager, found, {}, now);
    });
  }
}
