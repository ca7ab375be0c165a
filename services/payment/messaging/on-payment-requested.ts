import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import {
  PAYMENT_EVENTS,
  parsePaymentEventOf,
  PaymentEventTag,
} from '../../contracts/payment-events.ts';
import { ChargePayment } from '../application/charge-payment.ts';

const CONSUMER_GROUP = 'payment-charge';

/** Needs no inbox: asked for a second time it is the same charge, by the payment's number. */
@Injectable()
export class OnPaymentRequested {
  constructor(
    private readonly chargePayment: ChargePayment,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({
    topic: PAYMENT_EVENTS,
    consumerGroup: CONSUMER_GROUP,
    tags: PaymentEventTag.Requested,
  })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = {
      group: CONSUMER_GROUP,
      parse: parsePaymentEventOf(PaymentEventTag.Requested),
    };
    return this.consumption.run(message, reading, (event) => this.chargePayment.execute(event));
  }
}
