import { Injectable } from '@nestjs/common';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import { RefundStepConsumption } from '../../common/refund-step-consumption.ts';
import { REFUND_EVENTS, RefundStep } from '../../contracts/refund-events.ts';
import { ReturnGoods } from '../application/return-goods.ts';

const CONSUMER_GROUP = 'warehouse-on-return-goods-due';

@Injectable()
export class OnReturnGoodsDue {
  constructor(
    private readonly returnGoods: ReturnGoods,
    private readonly steps: RefundStepConsumption,
  ) {}

  @EventListener({
    topic: REFUND_EVENTS,
    consumerGroup: CONSUMER_GROUP,
    tags: RefundStep.ReturnGoods,
  })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    return this.steps.run(
      message,
      { group: CONSUMER_GROUP, step: RefundStep.ReturnGoods },
      (due, incoming) => this.returnGoods.execute(due, incoming),
    );
  }
}
