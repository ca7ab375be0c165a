import { Injectable } from '@nestjs/common';
import { Spool } from '../../common/spool.ts';
import {
  RESERVATION_CHECK,
  ReservationCheckTag,
  type ReservationCheck,
} from '../../contracts/reservation-check.ts';

/** How long after a redemption the order service is asked whether the order came to be. */
export class RedemptionCheckDelay {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
}

/** Sends the message that will look after a redemption. One that finds none is no harm. */
@Injectable()
export class RequestRedemptionCheck {
  constructor(
    private readonly spool: Spool,
    private readonly delay: RedemptionCheckDelay,
  ) {}

  async execute(orderNo: string, transactionKey: string, now: Date): Promise<void> {
    const payload: Omit<ReservationCheck, 'eventId'> = {
      type: ReservationCheckTag.Coupon,
      orderNo,
      transactionKey,
    };
    await this.spool.send({
      topic: RESERVATION_CHECK,
      tag: ReservationCheckTag.Coupon,
      key: orderNo,
      payload,
      createdAt: now,
      deliverAt: new Date(now.getTime() + this.delay.ms),
    });
  }
}
