import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock.ts';
import { newDocumentNo } from '../../common/document-number.ts';
import { Inbox, type IncomingEvent } from '../../common/inbox.ts';
import { appendAllToOutbox } from '../../common/outbox.ts';
import { OutboxRelay } from '../../common/outbox-relay.ts';
import type { OutgoingEvent } from '../../common/outgoing-event.ts';
import type { OrderPaid } from '../../contracts/order-events.ts';
import {
  WAREHOUSE_EVENTS,
  WarehouseEventTag,
  type ShipmentRequested,
} from '../../contracts/warehouse-events.ts';
import { packParcel, type Shipment } from '../domain/shipment.ts';
import { ShipmentRepository } from '../persistence/shipment.repository.ts';

/** How long a parcel takes to be packed. Until it is handed over, what is in it can be taken out again. */
export class PackingTime {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
}

/**
 * Has the goods of a paid order packed, once; the message that has them handed over comes when that is done.
 *
 * Errors: WAREHOUSE.NOT_PACKABLE.
 */
@Injectable()
export class RequestShipment {
  readonly #request: (incoming: IncomingEvent, item: Shipment) => Promise<'handled' | 'duplicate'>;

  constructor(
    inbox: Inbox,
    shipments: ShipmentRepository,
    private readonly packing: PackingTime,
    private readonly relay: OutboxRelay,
    private readonly clock: Clock,
  ) {
    this.#request = inbox.together<Shipment>(async (manager, parcels) => {
      const [first] = parcels;
      if (parcels.length > 1) await shipments.insertAll(manager, parcels);
      else if (first === undefined || !(await shipments.insert(manager, first))) return;
      const events = parcels.map((parcel) => ({ event: this.#requested(parcel) }));
      await appendAllToOutbox(manager, events);
    });
  }

  async execute(paid: OrderPaid, incoming: IncomingEvent): Promise<'handled' | 'duplicate'> {
    const requestedAt = this.clock.now();
    const facts = { shipmentNo: newDocumentNo(requestedAt), orderNo: paid.orderNo, requestedAt };
    const shipment = packParcel(facts, paid.items);
    const outcome = await this.#request(incoming, shipment);
    this.relay.wake();
    return outcome;
  }

  #requested({ shipmentNo, orderNo, requestedAt }: Shipment): OutgoingEvent {
    const payload: Omit<ShipmentRequested, 'eventId'> = {
      type: WarehouseEventTag.ShipmentRequested,
      shipmentNo,
      orderNo,
      occurredAt: requestedAt.toISOString(),
    };
    return {
      topic: WAREHOUSE_EVENTS,
      tag: payload.type,
      key: orderNo,
      payload,
      createdAt: requestedAt,
      deliverAt: new Date(requestedAt.getTime() + this.packing.ms),
    };
  }
}
