import { Injectable } from '@nestjs/common';
import { Spool } from '../../common/spool.ts';
import {
  ORDER_CLOSE_CHECK,
  ORDER_CLOSE_CHECK_TAG,
  type OrderCloseCheck,
} from '../../contracts/order-close-check.ts';
import type { Order } from '../domain/order.ts';

/** How long an order may be paid, and how long a payment that is under way by then is waited for. */
export class PayTimeout {
  readonly ms: number;
  readonly graceMs: number;

  constructor(ms: number, graceMs: number) {
    this.ms = ms;
    this.graceMs = graceMs;
  }
}

/** Sends the message that will look after an order when the time to pay is over. One that finds no order is no harm. */
@Injectable()
export class RequestCloseCheck {
  constructor(
    private readonly spool: Spool,
    private readonly timeout: PayTimeout,
  ) {}

  async execute({ orderNo, placedAt }: Order, transactionKey: string): Promise<void> {
    const payBy = new Date(placedAt.getTime() + this.timeout.ms);
    const payload: Omit<OrderCloseCheck, 'eventId'> = {
      type: ORDER_CLOSE_CHECK_TAG,
      orderNo,
      transactionKey,
      payBy: payBy.toISOString(),
    };
    await this.spool.send({
      topic: ORDER_CLOSE_CHECK,
      tag: ORDER_CLOSE_CHECK_TAG,
      key: orderNo,
      payload,
      createdAt: placedAt,
      deliverAt: payBy,
    });
  }
}
