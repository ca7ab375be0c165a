import { Injectable } from '@nestjs/common';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import { RefundStepConsumption } from '../../common/refund-step-consumption.ts';
import { REFUND_EVENTS, RefundStep } from '../../contracts/refund-events.ts';
import { RestockItems } from '../application/restock-items.ts';

const CONSUMER_GROUP = 'stock-on-restock-due';

@Injectable()
export class OnRestockDue {
  constructor(
    private readonly restockItems: RestockItems,
    private readonly steps: RefundStepConsumption,
  ) {}

  @EventListener({ topic: REFUND_EVENTS, consumerGroup: CONSUMER_GROUP, tags: RefundStep.Restock })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    return this.steps.run(
      message,
      { group: CONSUMER_GROUP, step: RefundStep.Restock },
      (due, incoming) => this.restockItems.execute(due, incoming),
    );
  }
}
