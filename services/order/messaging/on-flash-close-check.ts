import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import {
  FLASH_CLOSE_CHECK_TAG,
  ORDER_CLOSE_CHECK,
  parseFlashCloseCheck,
} from '../../contracts/order-close-check.ts';
import { CheckFlashOrders } from '../application/check-flash-orders.ts';

const CONSUMER_GROUP = 'order-flash-close-check';

/** The batch is known in the log by its transaction. */
const reading = {
  group: CONSUMER_GROUP,
  parse: (body: string) => {
    const check = parseFlashCloseCheck(body);
    return { ...check, orderNo: check.transactionKey };
  },
};

/** Needs no inbox: a second delivery asks for checks that find the orders closed. */
@Injectable()
export class OnFlashCloseCheck {
  constructor(
    private readonly checkFlashOrders: CheckFlashOrders,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({
    topic: ORDER_CLOSE_CHECK,
    consumerGroup: CONSUMER_GROUP,
    tags: FLASH_CLOSE_CHECK_TAG,
  })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    return this.consumption.run(message, reading, (check) => this.checkFlashOrders.execute(check));
  }
}
