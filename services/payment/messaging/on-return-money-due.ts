import { Injectable } from '@nestjs/common';
import { Consumption, type Reading } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import {
  parseRefundStepDue,
  REFUND_EVENTS,
  RefundStep,
  type RefundStepDue,
} from '../../contracts/refund-events.ts';
import { ReturnMoney } from '../application/return-money.ts';

const CONSUMER_GROUP = 'payment-on-return-money-due';

/**
 * Needs no inbox: the refund's row decides. A dead letter is not tried again but told to the refund service as failed, which
 * lists it for an operator; he has the step sent again.
 */
@Injectable()
export class OnReturnMoneyDue {
  constructor(
    private readonly returnMoney: ReturnMoney,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({
    topic: REFUND_EVENTS,
    consumerGroup: CONSUMER_GROUP,
    tags: RefundStep.ReturnMoney,
  })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading: Reading<RefundStepDue> = {
      group: CONSUMER_GROUP,
      parse: parseRefundStepDue(RefundStep.ReturnMoney),
      givenUp: (due, reason) => this.returnMoney.giveUp(due, reason),
    };
    return this.consumption.run(message, reading, (due) => this.returnMoney.execute(due));
  }
}
