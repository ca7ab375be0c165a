import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import { ORDER_EVENTS, OrderEventTag, parseOrderEventOf } from '../../contracts/order-events.ts';
import { FollowOrder } from '../application/follow-order.ts';

const CONSUMER_GROUP = 'stock-on-order-event';

const tags = [OrderEventTag.Created, OrderEventTag.Paid, OrderEventTag.Closed] as const;

/** Needs no inbox: a second delivery finds the reservation moved, by its row. */
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
