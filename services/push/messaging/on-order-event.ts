import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import { ORDER_EVENTS, OrderEventTag, parseOrderEvent } from '../../contracts/order-events.ts';
import { RecordNotification } from '../application/record-notification.ts';

const CONSUMER_GROUP = 'push-on-order-event';

@Injectable()
export class OnOrderEvent {
  constructor(
    private readonly recordNotification: RecordNotification,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({
    topic: ORDER_EVENTS,
    consumerGroup: CONSUMER_GROUP,
    tags: Object.values(OrderEventTag),
  })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parseOrderEvent };
    return this.consumption.run(message, reading, (event) =>
      this.recordNotification.execute(event, {
        consumerGroup: CONSUMER_GROUP,
        eventId: event.eventId,
        messageId: message.msgId,
      }),
    );
  }
}
