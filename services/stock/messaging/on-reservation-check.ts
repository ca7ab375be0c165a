import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import {
  parseReservationCheck,
  RESERVATION_CHECK,
  ReservationCheckTag,
} from '../../contracts/reservation-check.ts';
import { CheckReservation } from '../application/check-reservation.ts';

const CONSUMER_GROUP = 'stock-reservation-check';

/** Needs no inbox: a second delivery finds the reservation settled, by its row. */
@Injectable()
export class OnReservationCheck {
  constructor(
    private readonly checkReservation: CheckReservation,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({
    topic: RESERVATION_CHECK,
    consumerGroup: CONSUMER_GROUP,
    tags: ReservationCheckTag.Stock,
  })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parseReservationCheck };
    return this.consumption.run(message, reading, (check) => this.checkReservation.execute(check));
  }
}
