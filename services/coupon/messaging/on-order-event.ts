import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import { ORDER_EVENTS, OrderEventTag, parseOrderEventOf } from '../../contracts/order-events.ts';
import { FollowOrder } from '../application/follow-order.ts';

const CONSUMER_GROUP = 'coupon-on-order-event';

const tags = [OrderEventTag.Created, OrderEventTag.Paid, OrderEventTag.Closed] as const;

/**
 * What becomes of the coupon that an order uses. It takes Paid, too, beside `coupon-on-order-paid`: so all that moves a
 * redemption is in one place, and one that contradicts its order stops no coupon from being issued.
 *
 * Needs no inbox: a second delivery finds the redemption moved, by its row.
 */
@Injectable()
export class OnOrderEvent {
  constructor(
    private readonly followOrder: FollowOrder,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({ topic: ORDER_EVENTS, consumerGroup: CONSUMER_GROUP, tags })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parseOrderEventOf(...tags) };
    return this.consumption.run(message, reading, (event) => this.followOrder.execute(event));
  }
}
