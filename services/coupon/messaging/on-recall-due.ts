import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import { parseRefundStepDue, REFUND_EVENTS, RefundStep } from '../../contracts/refund-events.ts';
import { RecallRewards } from '../application/recall-rewards.ts';

const CONSUMER_GROUP = 'coupon-on-recall-due';

@Injectable()
export class OnRecallDue {
  constructor(
    private readonly recallRewards: RecallRewards,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({
    topic: REFUND_EVENTS,
    consumerGroup: CONSUMER_GROUP,
    tags: RefundStep.RecallCoupon,
  })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parseRefundStepDue(RefundStep.RecallCoupon) };
    return this.consumption.run(message, reading, (due) =>
      this.recallRewards.execute(due, {
        consumerGroup: CONSUMER_GROUP,
        eventId: due.eventId,
        messageId: message.msgId,
      }),
    );
  }
}
