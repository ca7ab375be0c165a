import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import {
  parseReservationCheck,
  RESERVATION_CHECK,
  ReservationCheckTag,
} from '../../contracts/reservation-check.ts';
import { CheckRedemption } from '../application/check-redemption.ts';

const CONSUMER_GROUP = 'coupon-reservation-check';

/** Needs no inbox: a second delivery finds the redemption settled, by its row. */
@Injectable()
export class OnReservationCheck {
  constructor(
    private readonly checkRedemption: CheckRedemption,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({
    topic: RESERVATION_CHECK,
    consumerGroup: CONSUMER_GROUP,
    tags: ReservationCheckTag.Coupon,
  })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parseReservationCheck };
    return this.consumption.run(message, reading, (check) => this.checkRedemption.execute(check));
  }
}
