import { Module, type DynamicModule } from '@nestjs/common';
import { FoundationModule } from '../common/foundation.module.ts';
import type { Log } from '../common/log.ts';
import { FindCoupons } from './application/find-coupons.ts';
import { IssueCoupon } from './application/issue-coupon.ts';
import type { CouponConfig } from './config.ts';
import { CouponController } from './http/coupon.controller.ts';
import { OnOrderPaid } from './messaging/on-order-paid.ts';
import { CouponRow } from './persistence/coupon.entity.ts';
import { Coupons1764000000000 } from './persistence/migrations/1764000000000-coupons.ts';
import { Messaging1764000000001 } from './persistence/migrations/1764000000001-messaging.ts';

/** Thanks for every paid order with a coupon. */
@Module({})
export class CouponModule {
  static with({ service }: CouponConfig, log: Log): DynamicModule {
    return {
      module: CouponModule,
      imports: [
        FoundationModule.with({
          name: 'coupon',
          settings: service,
          entities: [CouponRow],
          migrations: [Coupons1764000000000, Messaging1764000000001],
          log,
        }),
      ],
      controllers: [CouponController],
      providers: [IssueCoupon, FindCoupons, OnOrderPaid],
    };
  }
}
