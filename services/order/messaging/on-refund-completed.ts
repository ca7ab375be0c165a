import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import {
  parseRefundCompleted,
  REFUND_COMPLETED,
  REFUND_EVENTS,
} from '../../contracts/refund-events.ts';
import { CompleteRefund } from '../application/complete-refund.ts';

const CONSUMER_GROUP = 'order-on-refund-completed';

/** Needs no inbox: a second delivery finds the order moved, by its row. */
@Injectable()
export class OnRefundCompleted {
  constructor(
    private readonly completeRefund: CompleteRefund,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({ topic: REFUND_EVENTS, consumerGroup: CONSUMER_GROUP, tags: REFUND_COMPLETED })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parseRefundCompleted };
    return this.consumption.run(message, reading, (event) => this.completeRefund.execute(event));
  }
}
