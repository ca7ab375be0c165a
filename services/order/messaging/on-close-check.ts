import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import {
  ORDER_CLOSE_CHECK,
  ORDER_CLOSE_CHECK_TAG,
  parseOrderCloseCheck,
} from '../../contracts/order-close-check.ts';
import { CloseUnpaidOrder } from '../application/close-unpaid-order.ts';

const CONSUMER_GROUP = 'order-close-check';

/** Needs no inbox: a second delivery finds the order closed, by its row. */
@Injectable()
export class OnCloseCheck {
  constructor(
    private readonly closeUnpaidOrder: CloseUnpaidOrder,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({
    topic: ORDER_CLOSE_CHECK,
    consumerGroup: CONSUMER_GROUP,
    tags: ORDER_CLOSE_CHECK_TAG,
  })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parseOrderCloseCheck };
    return this.consumption.run(message, reading, (check) => this.closeUnpaidOrder.execute(check));
  }
}
