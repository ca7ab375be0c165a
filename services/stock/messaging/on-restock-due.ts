import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import { parseRefundStepDue, REFUND_EVENTS, RefundStep } from '../../contracts/refund-events.ts';
import { RestockItems } from '../application/restock-items.ts';

const CONSUMER_GROUP = 'stock-on-restock-due';

@Injectable()
export class OnRestockDue {
  constructor(
    private readonly restockItems: RestockItems,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({ topic: REFUND_EVENTS, consumerGroup: CONSUMER_GROUP, tags: RefundStep.Restock })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parseRefundStepDue(RefundStep.Restock) };
    return this.consumption.run(message, reading, (due) =>
      this.restockItems.execute(due, {
        consumerGroup: CONSUMER_GROUP,
        eventId: due.eventId,
        messageId: message.msgId,
      }),
    );
  }
}
