import { Injectable } from '@nestjs/common';
import { consume } from '../../common/consume.ts';
import { Log } from '../../common/log.ts';
import { MessageListener, type ReceivedMessage } from '../../common/mq.module.ts';
import { ORDER_EVENTS, OrderEventTag, parseOrderPaid } from '../../contracts/order-events.ts';
import { IssueCoupon } from '../application/issue-coupon.ts';

const CONSUMER_GROUP = 'coupon-on-order-paid';

@Injectable()
export class OnOrderPaid {
  constructor(
    private readonly issueCoupon: IssueCoupon,
    private readonly log: Log,
  ) {}

  @MessageListener({
    topic: ORDER_EVENTS,
    consumerGroup: CONSUMER_GROUP,
    tags: OrderEventTag.Paid,
    // An order paid before this group was first seen has earned its coupon, too.
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
  })
  async handle(message: ReceivedMessage): Promise<void> {
    await consume(message, { log: this.log, parse: parseOrderPaid }, (paid, log) => {
      const incoming = {
        consumerGroup: CONSUMER_GROUP,
        eventId: paid.eventId,
        messageId: message.msgId,
      };
      return this.issueCoupon.execute(paid, incoming, log);
    });
  }
}
