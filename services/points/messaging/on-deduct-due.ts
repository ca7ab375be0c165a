import { Injectable } from '@nestjs/common';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import { RefundStepConsumption } from '../../common/refund-step-consumption.ts';
import { REFUND_EVENTS, RefundStep } from '../../contracts/refund-events.ts';
import { DeductPoints } from '../application/deduct-points.ts';

const CONSUMER_GROUP = 'points-on-deduct-due';

@Injectable()
export class OnDeductDue {
  constructor(
    private readonly deductPoints: DeductPoints,
    private readonly steps: RefundStepConsumption,
  ) {}

  @EventListener({
    topic: REFUND_EVENTS,
    consumerGroup: CONSUMER_GROUP,
    tags: RefundStep.DeductPoints,
  })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    return this.steps.run(
      message,
      { group: CONSUMER_GROUP, step: RefundStep.DeductPoints },
      (due, incoming) => this.deductPoints.execute(due, incoming),
    );
  }
}
