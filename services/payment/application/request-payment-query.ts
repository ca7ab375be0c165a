import { Injectable } from '@nestjs/common';
import { Spool } from '../../common/spool.ts';
import {
  PAYMENT_QUERY,
  PAYMENT_QUERY_TAG,
  type PaymentQuery,
} from '../../contracts/payment-query.ts';
import type { Payment } from '../domain/payment.ts';

/** How long the channel is waited for before it is asked, and before a payment is given up. */
export class ChannelPatience {
  readonly delayMs: number;
  readonly giveUpMs: number;

  constructor({ delayMs, giveUpMs }: { delayMs: number; giveUpMs: number }) {
    this.delayMs = delayMs;
    this.giveUpMs = giveUpMs;
  }
}

/** Sends the message that will look after a payment of which the channel does not tell. One that finds no payment is no harm. */
@Injectable()
export class RequestPaymentQuery {
  constructor(
    private readonly spool: Spool,
    private readonly patience: ChannelPatience,
  ) {}

  async execute({ orderNo, paymentNo, createdAt }: Payment, transactionKey: string): Promise<void> {
    const payload: Omit<PaymentQuery, 'eventId'> = {
      type: PAYMENT_QUERY_TAG,
      orderNo,
      paymentNo,
      transactionKey,
    };
    await this.spool.send({
      topic: PAYMENT_QUERY,
      tag: PAYMENT_QUERY_TAG,
      key: orderNo,
      payload,
      createdAt,
      deliverAt: new Date(createdAt.getTime() + this.patience.delayMs),
    });
  }
}
