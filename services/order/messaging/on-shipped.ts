import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import {
  parseShipped,
  WAREHOUSE_EVENTS,
  WarehouseEventTag,
} from '../../contracts/warehouse-events.ts';
import { ShipOrder } from '../application/ship-order.ts';

const CONSUMER_GROUP = 'order-on-shipped';

/** Needs no inbox: a second delivery finds the order moved, by its row. */
@Injectable()
export class OnShipped {
  constructor(
    private readonly shipOrder: ShipOrder,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({
    topic: WAREHOUSE_EVENTS,
    consumerGroup: CONSUMER_GROUP,
    tags: WarehouseEventTag.Shipped,
  })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parseShipped };
    return this.consumption.run(message, reading, (event) => this.shipOrder.execute(event));
  }
}
