import { Injectable } from '@nestjs/common';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import { RefundStepConsumption } from '../../common/refund-step-consumption.ts';
import { REFUND_EVENTS, RefundStep } from '../../contracts/refund-events.ts';
import { RecallRewards } from '../application/recall-rewards.ts';

const CONSUMER_GROUP = 'coupon-on-recall-due';

@Injectable()
export class OnRecallDue {
  constructor(
    private readonly recallRewards: RecallRewards,
    private readonly steps: RefundStepConsumption,
  ) {}

  @EventListener({
    topic: REFUND_EVENTS,
    consumerGroup: CONSUMER_GROUP,
    tags: RefundStep.RecallCoupon,
  })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    return this.steps.run(
      message,
      { group: CONSUMER_GROUP, step: RefundStep.RecallCoupon },
      (due, incoming) => this.recallRewards.execute(due, incoming),
    );
  }
}
