import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { DomainError } from '../../common/errors.ts';
import { RequestReservationCheck } from '../../common/request-reservation-check.ts';
import { inTransaction } from '../../common/transaction.ts';
import { redeemCoupon, refuseOthers, type Coupon } from '../domain/coupon.ts';
import { CouponRepository } from '../persistence/coupon.repository.ts';
import { RedemptionRepository, type NewRedemption } from '../persistence/redemption.repository.ts';
import { couponNotFound } from './find-coupons.ts';

export interface RedeemCouponCommand extends NewRedemption {
  userId: string;
}

/**
 * Has an order that is about to be placed use a coupon. The message that will look after it is on its way before it is used.
 * Asked again for the same, it has no further effect and the same answer.
 *
 * Errors: COUPON.NOT_FOUND; those of `redeemCoupon`; COUPON.RELEASED when the order was given up before this came;
 *         COUPON.REDEEMED_OTHERWISE.
 */
@Injectable()
export class RedeemCoupon {
  constructor(
    private readonly dataSource: DataSource,
    private readonly coupons: CouponRepository,
    private readonly redemptions: RedemptionRepository,
    private readonly requestCheck: RequestReservationCheck,
    private readonly clock: Clock,
  ) {}

  async execute(command: RedeemCouponCommand): Promise<Coupon> {
    const { orderNo, code, userId, transactionKey } = command;
    const at = this.clock.now();
    await this.requestCheck.execute(orderNo, transactionKey, at);
    return inTransaction(this.dataSource, async (manager) => {
      if (!(await this.redemptions.insert(manager, command, at))) {
        return this.#requireSame(manager, command);
      }
      const coupon = await this.coupons.findForUpdate(manager, { code });
      if (coupon === undefined) throw couponNotFound(code);
      const redeemed = redeemCoupon(coupon, { orderNo, userId, at });
      await this.coupons.update(manager, redeemed);
      return redeemed;
    });
  }

  async #requireSame(manager: EntityManager, wish: RedeemCouponCommand): Promise<Coupon> {
    const { orderNo, code } = wish;
    const found = await this.redemptions.find(manager, orderNo);
    if (found?.status === 'RELEASED') {
      throw new DomainError(
        'COUPON.RELEASED',
        'conflict',
        `order ${orderNo} was given up; nothing can be redeemed for it any more`,
      );
    }
    if (found?.code !== code || found.transactionKey !== wish.transactionKey) {
      throw new DomainError(
        'COUPON.REDEEMED_OTHERWISE',
        'conflict',
        `order ${orderNo} uses another coupon, or has another transactionKey`,
      );
    }
    const coupon = await this.coupons.find(manager, { code });
    if (coupon === undefined) throw new Error(`coupon ${code} of order ${orderNo} has gone`);
    refuseOthers(coupon, wish.userId);
    return coupon;
  }
}
