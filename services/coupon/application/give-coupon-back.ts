import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { giveBackCoupon } from '../domain/coupon.ts';
import type { Redemption } from '../domain/redemption.ts';
import { CouponRepository } from '../persistence/coupon.repository.ts';
import { RedemptionRepository } from '../persistence/redemption.repository.ts';

/** Ends a redemption whose row the transaction holds; its coupon can be used again. */
@Injectable()
export class GiveCouponBack {
  constructor(
    private readonly coupons: CouponRepository,
    private readonly redemptions: RedemptionRepository,
  ) {}

  async execute(
    manager: EntityManager,
    { orderNo, code }: Redemption,
    change: { isOrderKnown?: true },
    at: Date,
  ): Promise<void> {
    await this.redemptions.update(manager, orderNo, { ...change, status: 'RELEASED' }, at);
    const coupon = code === null ? undefined : await this.coupons.findForUpdate(manager, { code });
    if (coupon === undefined) throw new Error(`coupon ${code} of order ${orderNo} has gone`);
    await this.coupons.update(manager, giveBackCoupon(coupon, orderNo));
  }
}
