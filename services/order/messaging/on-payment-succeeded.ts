import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import {
  PAYMENT_EVENTS,
  parsePaymentEventOf,
  PaymentEventTag,
} from '../../contracts/payment-events.ts';
import { PayOrder } from '../application/pay-order.ts';

const CONSUMER_GROUP = 'order-on-payment-succeeded';

/** Needs no inbox: a second delivery finds the order moved, by its row. */
@Injectable()
export class OnPaymentSucceeded {
  constructor(
    private readonly payOrder: PayOrder,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({
    topic: PAYMENT_EVENTS,
    consumerGroup: CONSUMER_GROUP,
    tags: PaymentEventTag.Succeeded,
  })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = {
      group: CONSUMER_GROUP,
      parse: parsePaymentEventOf(PaymentEventTag.Succeeded),
    };
    return this.consumption.run(message, reading, (event) => this.payOrder.execute(event));
  }
}
