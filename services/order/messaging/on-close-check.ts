import { Injectable } from '@nestjs/common';
import { consume } from '../../common/consume.ts';
import { Log } from '../../common/log.ts';
import { MessageListener, type ReceivedMessage } from '../../common/mq.module.ts';
import {
  ORDER_CLOSE_CHECK,
  ORDER_CLOSE_CHECK_TAG,
  parseOrderCloseCheck,
} from '../../contracts/order-close-check.ts';
import { CloseUnpaidOrder } from '../application/close-unpaid-order.ts';

/** Needs no inbox: a second delivery finds the order closed, by its row. */
@Injectable()
export class OnCloseCheck {
  constructor(
    private readonly closeUnpaidOrder: CloseUnpaidOrder,
    private readonly log: Log,
  ) {}

  @MessageListener({
    topic: ORDER_CLOSE_CHECK,
    consumerGroup: 'order-close-check',
    tags: ORDER_CLOSE_CHECK_TAG,
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
  })
  async handle(message: ReceivedMessage): Promise<void> {
    await consume(message, { log: this.log, parse: parseOrderCloseCheck }, (check) =>
      this.closeUnpaidOrder.execute(check),
    );
  }
}
