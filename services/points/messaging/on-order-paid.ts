import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import { ORDER_EVENTS, OrderEventTag, parseOrderEventOf } from '../../contracts/order-events.ts';
import { EarnPoints } from '../application/earn-points.ts';

const CONSUMER_GROUP = 'points-on-order-paid';

@Injectable()
export class OnOrderPaid {
  constructor(
    private readonly earnPoints: EarnPoints,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({ topic: ORDER_EVENTS, consumerGroup: CONSUMER_GROUP, tags: OrderEventTag.Paid })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parseOrderEventOf(OrderEventTag.Paid) };
    return this.consumption.run(message, reading, (paid, log) =>
      this.earnPoints.execute(
        paid,
        { consumerGroup: CONSUMER_GROUP, eventId: paid.eventId, messageId: message.msgId },
        log,
      ),
    );
  }
}
