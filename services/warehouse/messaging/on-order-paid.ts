import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import { ORDER_EVENTS, OrderEventTag, parseOrderEventOf } from '../../contracts/order-events.ts';
import { RequestShipment } from '../application/request-shipment.ts';

const CONSUMER_GROUP = 'warehouse-on-order-paid';

@Injectable()
export class OnOrderPaid {
  constructor(
    private readonly requestShipment: RequestShipment,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({ topic: ORDER_EVENTS, consumerGroup: CONSUMER_GROUP, tags: OrderEventTag.Paid })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parseOrderEventOf(OrderEventTag.Paid) };
    return this.consumption.run(message, reading, (event) =>
      this.requestShipment.execute(event, {
        consumerGroup: CONSUMER_GROUP,
        eventId: event.eventId,
        messageId: message.msgId,
      }),
    );
  }
}
