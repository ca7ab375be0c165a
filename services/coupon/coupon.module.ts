import { Module, type DynamicModule } from '@nestjs/common';
import { databaseModule } from '../common/database.module.ts';
import { HealthController, READINESS_NEEDS } from '../common/health.controller.ts';
import { InboxModule } from '../common/inbox.module.ts';
import { InboxMessage } from '../common/inbox.ts';
import { Log } from '../common/log.ts';
import { mqModule } from '../common/mq.module.ts';
import { FindCoupons } from './application/find-coupons.ts';
import { IssueCoupon } from './application/issue-coupon.ts';
import type { CouponConfig } from './config.ts';
import { CouponController } from './http/coupon.controller.ts';
import { OnOrderPaid } from './messaging/on-order-paid.ts';
import { CouponRow } from './persistence/coupon.entity.ts';
import { Coupons1764000000000 } from './persistence/migrations/1764000000000-coupons.ts';

/** Thanks for every paid order with a coupon. */
@Module({})
export class CouponModule {
  static with({ service, inbox, maxReconsumeTimes }: CouponConfig, log: Log): DynamicModule {
    return {
      module: CouponModule,
      imports: [
        databaseModule(service.database, {
          entities: [CouponRow, InboxMessage],
          migrations: [Coupons1764000000000],
        }),
        mqModule({
          namesrvAddr: service.namesrvAddr,
          producerGroup: 'coupon',
          maxReconsumeTimes,
          shutdownGraceMs: service.stopGraceMs,
          log,
        }),
        InboxModule.with(inbox, log),
      ],
      controllers: [CouponController, HealthController],
      providers: [
        IssueCoupon,
        FindCoupons,
        OnOrderPaid,
        { provide: Log, useValue: log },
        // Without Redis every duplicate costs a statement, and nothing else.
        { provide: READINESS_NEEDS, useValue: ['database', 'mq'] },
      ],
    };
  }
}
