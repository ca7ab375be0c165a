import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { asRefusal, brokerUnavailable } from '../../common/broker-errors.ts';
import { Producer } from '../../common/mq.module.ts';
import {
  ORDER_CLOSE_CHECK,
  ORDER_CLOSE_CHECK_TAG,
  type OrderCloseCheck,
} from '../../contracts/order-close-check.ts';
import type { Order } from '../domain/order.ts';

/** How long an order may be paid. */
export class PayTimeout {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
}

/**
 * Sends the message that will look after an order when the time to pay is over.
 *
 * Errors: BROKER.UNAVAILABLE. It may have been stored all the same: a check that finds no order is no harm.
 */
@Injectable()
export class RequestCloseCheck {
  constructor(
    private readonly producer: Producer,
    private readonly timeout: PayTimeout,
  ) {}

  async execute({ orderNo, placedAt }: Order, transactionKey: string): Promise<void> {
    const check: OrderCloseCheck = {
      type: ORDER_CLOSE_CHECK_TAG,
      eventId: randomUUID(),
      orderNo,
      transactionKey,
      payBy: new Date(placedAt.getTime() + this.timeout.ms).toISOString(),
    };
    const { status } = await this.#send(check);
    // Stored is not enough: any other status says that a crash now could take the message with it.
    if (status !== 'SEND_OK') throw brokerUnavailable(status);
  }

  async #send(check: OrderCloseCheck): Promise<{ status: string }> {
    try {
      return await this.producer.send({
        topic: ORDER_CLOSE_CHECK,
        tags: check.type,
        keys: check.orderNo,
        body: JSON.stringify(check),
        delayTimeMs: this.timeout.ms,
      });
    } catch (error) {
      throw asRefusal(error);
    }
  }
}
