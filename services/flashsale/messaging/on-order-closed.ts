import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import { ORDER_EVENTS, OrderEventTag, parseOrderEventOf } from '../../contracts/order-events.ts';
import { ReturnTicket } from '../keeper/return-ticket.ts';

const CONSUMER_GROUP = 'flashsale-on-order-closed';

const reading = { group: CONSUMER_GROUP, parse: parseOrderEventOf(OrderEventTag.Closed) };

/** Needs no inbox: a second delivery finds the ticket returned, by its row. */
@Injectable()
export class OnOrderClosed {
  constructor(
    private readonly returnTicket: ReturnTicket,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({ topic: ORDER_EVENTS, consumerGroup: CONSUMER_GROUP, tags: OrderEventTag.Closed })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    return this.consumption.run(message, reading, (event) => this.returnTicket.execute(event));
  }
}
