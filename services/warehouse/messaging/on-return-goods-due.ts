import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import { parseRefundStepDue, REFUND_EVENTS, RefundStep } from '../../contracts/refund-events.ts';
import { ReturnGoods } from '../application/return-goods.ts';

const CONSUMER_GROUP = 'warehouse-on-return-goods-due';

@Injectable()
export class OnReturnGoodsDue {
  constructor(
    private readonly returnGoods: ReturnGoods,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({
    topic: REFUND_EVENTS,
    consumerGroup: CONSUMER_GROUP,
    tags: RefundStep.ReturnGoods,
  })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parseRefundStepDue(RefundStep.ReturnGoods) };
    return this.consumption.run(message, reading, (event) =>
      this.returnGoods.execute(event, {
        consumerGroup: CONSUMER_GROUP,
        eventId: event.eventId,
        messageId: message.msgId,
      }),
    );
  }
}
