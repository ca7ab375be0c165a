import { Injectable } from '@nestjs/common';
import { Spool } from '../../common/spool.ts';
import {
  ORDER_CLOSE_CHECK,
  FLASH_CLOSE_CHECK_TAG,
  ORDER_CLOSE_CHECK_TAG,
  type FlashCloseCheck,
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

/** Sends the messages that will look after orders when the time to pay is over. One that finds no order is no harm. */
@Injectable()
export class RequestCloseCheck {
  constructor(
    private readonly spool: Spool,
    private readonly timeout: PayTimeout,
  ) {}

  async execute({ orderNo, placedAt }: Order, transactionKey: string): Promise<void> {
    await this.#send(placedAt, orderNo, (payBy) => {
      const payload: Omit<OrderCloseCheck, 'eventId'> = {
        type: ORDER_CLOSE_CHECK_TAG,
        orderNo,
        transactionKey,
        payBy: payBy.toISOString(),
      };
      return payload;
    });
  }

  /** One message for all of them: they are placed by one transaction, at the same time. */
  async ofBatch(orders: readonly Order[], transactionKey: string, placedAt: Date): Promise<void> {
    await this.#send(placedAt, transactionKey, (payBy) => {
      const payload: Omit<FlashCloseCheck, 'eventId'> = {
        type: FLASH_CLOSE_CHECK_TAG,
        orders: orders.map(({ orderNo }) => ({ orderNo })),
        transactionKey,
        payBy: payBy.toISOString(),
      };
      return payload;
    });
  }

  /** What was asked for all of a batch, for one order of it that is still to be looked after. */
  async ofOrder(orderNo: string, { transactionKey, payBy }: FlashCloseCheck): Promise<void> {
    const type = ORDER_CLOSE_CHECK_TAG;
    const payload: Omit<OrderCloseCheck, 'eventId'> = { type, orderNo, transactionKey, payBy };
    await this.spool.send({
      topic: ORDER_CLOSE_CHECK,
      tag: type,
      key: orderNo,
      payload,
      createdAt: new Date(payBy),
    });
  }

  async #send(
    placedAt: Date,
    key: string,
    payloadOf: (payBy: Date) => { type: string },
  ): Promise<void> {
    const payBy = new Date(placedAt.getTime() + this.timeout.ms);
    const payload = payloadOf(payBy);
    await this.spool.send({
      topic: ORDER_CLOSE_CHECK,
      tag: payload.type,
      key,
      payload,
      createdAt: placedAt,
      deliverAt: payBy,
    });
  }
}
