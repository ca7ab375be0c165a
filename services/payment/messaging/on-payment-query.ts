import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import {
  parsePaymentQuery,
  PAYMENT_QUERY,
  PAYMENT_QUERY_TAG,
} from '../../contracts/payment-query.ts';
import { QueryPayment } from '../application/query-payment.ts';

const CONSUMER_GROUP = 'payment-query';

/** Needs no inbox: a second delivery finds the payment settled, by its row. */
@Injectable()
export class OnPaymentQuery {
  constructor(
    private readonly queryPayment: QueryPayment,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({ topic: PAYMENT_QUERY, consumerGroup: CONSUMER_GROUP, tags: PAYMENT_QUERY_TAG })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parsePaymentQuery };
    return this.consumption.run(message, reading, (query) => this.queryPayment.execute(query));
  }
}
