import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import { ORDER_EVENTS, OrderEventTag, parseOrderEventOf } from '../../contracts/order-events.ts';
import { BeginRefund } from '../application/begin-refund.ts';

const CONSUMER_GROUP = 'refund-on-order-event';
const tags = [OrderEventTag.RefundRequested, OrderEventTag.PaidTooLate] as const;

@Injectable()
export class OnOrderEvent {
  constructor(
    private readonly beginRefund: BeginRefund,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({ topic: ORDER_EVENTS, consumerGroup: CONSUMER_GROUP, tags })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parseOrderEventOf(...tags) };
    return this.consumption.run(message, reading, (event) =>
      this.beginRefund.execute(event, {
        consumerGroup: CONSUMER_GROUP,
        eventId: event.eventId,
        messageId: message.msgId,
      }),
    );
  }
}
