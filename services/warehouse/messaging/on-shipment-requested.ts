import { Injectable } from '@nestjs/common';
import { Consumption } from '../../common/consumption.ts';
import { EventListener, type ConsumeResult, type ReceivedMessage } from '../../common/mq.module.ts';
import {
  parseShipmentRequested,
  WAREHOUSE_EVENTS,
  WarehouseEventTag,
} from '../../contracts/warehouse-events.ts';
import { ShipParcel } from '../application/ship-parcel.ts';

const CONSUMER_GROUP = 'warehouse-ship';

/** Needs no inbox: a second delivery finds the shipment moved, by its row. */
@Injectable()
export class OnShipmentRequested {
  constructor(
    private readonly shipParcel: ShipParcel,
    private readonly consumption: Consumption,
  ) {}

  @EventListener({
    topic: WAREHOUSE_EVENTS,
    consumerGroup: CONSUMER_GROUP,
    tags: WarehouseEventTag.ShipmentRequested,
  })
  handle(message: ReceivedMessage): Promise<ConsumeResult> {
    const reading = { group: CONSUMER_GROUP, parse: parseShipmentRequested };
    return this.consumption.run(message, reading, (event) => this.shipParcel.execute(event));
  }
}
