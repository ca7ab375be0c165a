import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import {
  parseRefundStepResult,
  REFUND_STEP_RESULTS,
  RefundStepResultTag,
} from '../../contracts/refund-step-results.ts';
import { AdvanceRefund } from '../application/advance-refund.ts';

const CONSUMER_GROUP = 'refund-on-step-result';

@Injectable()
export class OnStepResult {
  constructor(
    private readonly advanceRefund: AdvanceRefund,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({
    topic: REFUND_STEP_RESULTS,
    consumerGroup: CONSUMER_GROUP,
    tags: Object.values(RefundStepResultTag),
  })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parseRefundStepResult };
    return this.consumption.run(message, reading, async (result, log) => {
      const outcome = await this.advanceRefund.byResult(result, {
        consumerGroup: CONSUMER_GROUP,
        eventId: result.eventId,
        messageId: message.msgId,
      });
      // A failure told again, or overtaken by a success, stops nobody.
      if (result.type === 'Failed' && outcome === 'handled') {
        log.warn('a refund is stuck until a person has it tried again', {
          refundNo: result.refundNo,
          step: result.step,
          note: result.note,
        });
      }
      return outcome;
    });
  }
}
