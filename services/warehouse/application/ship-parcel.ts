import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import type { Handling } from '../../common/consumption.ts';
import { DomainError } from '../../common/errors.ts';
import { Gathering } from '../../common/gathering.ts';
import { joining, MessageTransactions, type JointWork } from '../../common/message-transactions.ts';
import type { OutgoingEvent } from '../../common/outgoing-event.ts';
import { inTransaction } from '../../common/transaction.ts';
import {
  WAREHOUSE_EVENTS,
  WarehouseEventTag,
  type ShipmentRequested,
  type ShipmentShipped,
} from '../../contracts/warehouse-events.ts';
import { decideMove } from '../domain/shipment-status.ts';
import { contentOf, type Shipment } from '../domain/shipment.ts';
import { ShipmentRepository } from '../persistence/shipment.repository.ts';
import { Carrier } from './carrier.ts';

/**
 * Hands a packed parcel over to the carrier and announces that it is on its way.
 *
 * The carrier is asked outside of any database transaction, after the parcel was noted as being handed over: from then on
 * its content is fixed, and whoever wants it back must ask the carrier, too. An answer that is lost is asked for again.
 *
 * Errors: WAREHOUSE.NO_SHIPMENT; THIRD_PARTY.UNAVAILABLE and CARRIER.CANCELLED, to be tried again; CARRIER.REFUSED; those of
 *         a message transaction.
 */
@Injectable()
export class ShipParcel {
  readonly #beginning = new Gathering<string, Shipment>({
    work: (shipmentNos) => this.#beginTogether(shipmentNos),
    alone: (shipmentNo) => this.#begin(shipmentNo),
  });
  readonly #shipping: JointWork<Handed, Handling>;

  constructor(
    private readonly dataSource: DataSource,
    private readonly shipments: ShipmentRepository,
    private readonly carrier: Carrier,
    private readonly transactions: MessageTransactions,
    private readonly clock: Clock,
  ) {
    this.#shipping = transactions.jointly<Handed, Handling>((manager, all) =>
      this.#shipTogether(manager, all),
    );
  }

  async execute({ shipmentNo }: ShipmentRequested): Promise<Handling> {
    const shipment = await this.#beginning.add(shipmentNo);
    if (shipment.status === 'CANCELLED') return 'overtaken';
    if (shipment.status === 'SHIPPED') return 'duplicate';
    const { orderNo } = shipment;
    const items = contentOf(shipment);
    const taken = await this.carrier.handOver({ shipmentNo, orderNo, items });
    if (taken === undefined) return this.#stopped(shipmentNo);
    const { trackingNo } = taken;
    const shippedAt = this.clock.now();
    const event = shipped(shipment, trackingNo, shippedAt);
    return this.transactions.announce<Handling>(
      event,
      async (manager) => {
        const current = await this.#locked(manager, shipmentNo);
        if (decideMove(shipmentNo, current.status, 'SHIPPED') === 'repeated') {
          return { rollback: 'duplicate' };
        }
        const moved: Shipment = { ...current, status: 'SHIPPED', trackingNo, shippedAt };
        await this.shipments.update(manager, current, moved);
        return { commit: 'handled' };
      },
      { joined: joining(this.#shipping, { shipmentNo, trackingNo, shippedAt }) },
    );
  }

  /** Notes of parcels that they are being handed over, where they are to be. Throws when one of them is not there, or held. */
  #beginTogether(shipmentNos: readonly string[]): Promise<Shipment[]> {
    return inTransaction(this.dataSource, async (manager) => {
      const held = await this.shipments.holdAllFree(manager, shipmentNos);
      const due: Shipment[] = [...held.values()]
        .filter(({ status }) => status === 'REQUESTED')
        .map((shipment) => ({ ...shipment, status: 'HANDING_OVER' }));
      if (due.length > 0) await this.shipments.updateProgress(manager, due);
      for (const shipment of due) held.set(shipment.shipmentNo, shipment);
      return shipmentNos.map(
        (shipmentNo) => held.get(shipmentNo) ?? raise(lookAtAlone(shipmentNo)),
      );
    });
  }

  /** Errors: WAREHOUSE.NO_SHIPMENT. */
  #begin(shipmentNo: string): Promise<Shipment> {
    return inTransaction(this.dataSource, async (manager) => {
      const current = await this.#locked(manager, shipmentNo);
      if (current.status !== 'REQUESTED') return current;
      const begun: Shipment = { ...current, status: 'HANDING_OVER' };
      await this.shipments.updateProgress(manager, [begun]);
      return begun;
    });
  }

  /**
   * Throws when one of them has to be looked at alone: it is not there, held, not being handed over any more, or comes twice.
   */
  async #shipTogether(manager: EntityManager, all: readonly Handed[]): Promise<Handling[]> {
    const held = await this.shipments.holdAllFree(
      manager,
      all.map(({ shipmentNo }) => shipmentNo),
    );
    const moved = all.map(({ shipmentNo, trackingNo, shippedAt }): Shipment => {
      const current = held.get(shipmentNo);
      if (current?.status !== 'HANDING_OVER' || !held.delete(shipmentNo)) {
        throw lookAtAlone(shipmentNo);
      }
      return { ...current, status: 'SHIPPED', trackingNo, shippedAt };
    });
    await this.shipments.updateProgress(manager, moved);
    return moved.map(() => 'handled');
  }

  /** A refund has asked the carrier not to take it. Until that is noted here, too, nobody can say that all is well. */
  async #stopped(shipmentNo: string): Promise<Handling> {
    const current = await this.shipments.find(this.dataSource.manager, { shipmentNo });
    if (current?.status === 'CANCELLED') return 'overtaken';
    throw new DomainError(
      'CARRIER.CANCELLED',
      'unavailable',
      `the carrier says that shipment ${shipmentNo} was cancelled, here it is ${current?.status}`,
    );
  }

  async #locked(manager: EntityManager, shipmentNo: string): Promise<Shipment> {
    const shipment = await this.shipments.findForUpdate(manager, { shipmentNo });
    return shipment ?? raise(noShipment(shipmentNo));
  }
}

/** What the carrier has taken. */
interface Handed {
  shipmentNo: string;
  trackingNo: string;
  shippedAt: Date;
}

function noShipment(shipmentNo: string): DomainError {
  return new DomainError(
    'WAREHOUSE.NO_SHIPMENT',
    'not_found',
    `there is no shipment ${shipmentNo}; row and message commit together`,
  );
}

function lookAtAlone(shipmentNo: string): Error {
  return new Error(`shipment ${shipmentNo} has to be looked at alone`);
}

function raise(error: Error): never {
  throw error;
}

function shipped(
  { shipmentNo, orderNo }: Shipment,
  trackingNo: string,
  shippedAt: Date,
): OutgoingEvent {
  const payload: Omit<ShipmentShipped, 'eventId'> = {
    type: WarehouseEventTag.Shipped,
    shipmentNo,
    orderNo,
    trackingNo,
    occurredAt: shippedAt.toISOString(),
  };
  return {
    topic: WAREHOUSE_EVENTS,
    tag: payload.type,
    key: orderNo,
    payload,
    createdAt: shippedAt,
  };
}
