import { Module, type DynamicModule } from '@nestjs/common';
import { FoundationModule } from '../common/foundation.module.ts';
import { HttpPeer } from '../common/http-peer.ts';
import type { Log } from '../common/log.ts';
import { RequestReservationCheck } from '../common/request-reservation-check.ts';
import { Spool } from '../common/spool.ts';
import { ReservationCheckTag } from '../contracts/reservation-check.ts';
import { OrderTransactions } from '../common/order-transactions.ts';
import { CheckRedemption } from './application/check-redemption.ts';
import { FindCoupons } from './application/find-coupons.ts';
import { FindRedPackets } from './application/find-red-packets.ts';
import { FollowOrder } from './application/follow-order.ts';
import { GiveCouponBack } from './application/give-coupon-back.ts';
import { IssueRewards } from './application/issue-rewards.ts';
import { RecallRewards } from './application/recall-rewards.ts';
import { RedeemCoupon } from './application/redeem-coupon.ts';
import { ReleaseRedemption } from './application/release-redemption.ts';
import type { CouponConfig } from './config.ts';
import { CouponController } from './http/coupon.controller.ts';
import { RedPacketController } from './http/red-packet.controller.ts';
import { RedemptionController } from './http/redemption.controller.ts';
import { OnOrderEvent } from './messaging/on-order-event.ts';
import { OnOrderPaid } from './messaging/on-order-paid.ts';
import { OnRecallDue } from './messaging/on-recall-due.ts';
import { OnReservationCheck } from './messaging/on-reservation-check.ts';
import { CouponRow } from './persistence/coupon.entity.ts';
import { CouponRepository } from './persistence/coupon.repository.ts';
import { Coupons1764000000000 } from './persistence/migrations/1764000000000-coupons.ts';
import { Messaging1764000000001 } from './persistence/migrations/1764000000001-messaging.ts';
import { Redemptions1764000000002 } from './persistence/migrations/1764000000002-redemptions.ts';
import { RedPacketRow } from './persistence/red-packet.entity.ts';
import { RedPacketRepository } from './persistence/red-packet.repository.ts';
import { RedemptionRow } from './persistence/redemption.entity.ts';
import { RedemptionRepository } from './persistence/redemption.repository.ts';

/** Thanks for every paid order with a coupon and a red packet, and lets later orders use the coupons. */
@Module({})
export class CouponModule {
  static with({ service, reservationCheckDelayMs, order }: CouponConfig, log: Log): DynamicModule {
    return {
      module: CouponModule,
      imports: [
        FoundationModule.with({
          name: 'coupon',
          settings: service,
          entities: [CouponRow, RedPacketRow, RedemptionRow],
          migrations: [Coupons1764000000000, Messaging1764000000001, Redemptions1764000000002],
          log,
        }),
      ],
      controllers: [CouponController, RedPacketController, RedemptionController],
      providers: [
        CouponRepository,
        RedPacketRepository,
        RedemptionRepository,
        IssueRewards,
        RecallRewards,
        RedeemCoupon,
        ReleaseRedemption,
        GiveCouponBack,
        CheckRedemption,
        FollowOrder,
        FindCoupons,
        FindRedPackets,
        OnOrderPaid,
        OnOrderEvent,
        OnReservationCheck,
        OnRecallDue,
        {
          provide: RequestReservationCheck,
          useFactory: (spool: Spool) =>
            new RequestReservationCheck(spool, ReservationCheckTag.Coupon, reservationCheckDelayMs),
          inject: [Spool],
        },
        { provide: OrderTransactions, useValue: new OrderTransactions(new HttpPeer(order)) },
      ],
    };
  }
}
