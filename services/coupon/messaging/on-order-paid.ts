import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import { ORDER_EVENTS, OrderEventTag, parseOrderEventOf } from '../../contracts/order-events.ts';
import { IssueRewards } from '../application/issue-rewards.ts';

const CONSUMER_GROUP = 'coupon-on-order-paid';

/**
 * What a paid order has earned. That it keeps the coupon it has used is the other group's, `coupon-on-order-event`: the two
 * can fail apart, and neither is to wait for the other in a DLQ.
 */
@Injectable()
export class OnOrderPaid {
  constructor(
    private readonly issueRewards: IssueRewards,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({ topic: ORDER_EVENTS, consumerGroup: CONSUMER_GROUP, tags: OrderEventTag.Paid })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parseOrderEventOf(OrderEventTag.Paid) };
    return this.consumption.run(message, reading, (paid, log) =>
      this.issueRewards.execute(
        paid,
        { consumerGroup: CONSUMER_GROUP, eventId: paid.eventId, messageId: message.msgId },
        log,
      ),
    );
  }
}
