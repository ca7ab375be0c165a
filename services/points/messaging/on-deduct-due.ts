import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import { parseRefundStepDue, REFUND_EVENTS, RefundStep } from '../../contracts/refund-events.ts';
import { DeductPoints } from '../application/deduct-points.ts';

const CONSUMER_GROUP = 'points-on-deduct-due';

@Injectable()
export class OnDeductDue {
  constructor(
    private readonly deductPoints: DeductPoints,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({
    topic: REFUND_EVENTS,
    consumerGroup: CONSUMER_GROUP,
    tags: RefundStep.DeductPoints,
  })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parseRefundStepDue(RefundStep.DeductPoints) };
    return this.consumption.run(message, reading, (due) =>
      this.deductPoints.execute(due, {
        consumerGroup: CONSUMER_GROUP,
        eventId: due.eventId,
        messageId: message.msgId,
      }),
    );
  }
}
