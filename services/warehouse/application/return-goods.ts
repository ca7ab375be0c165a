import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { insertOnce } from '../../common/database-errors.ts';
import { DomainError } from '../../common/errors.ts';
import { Inbox, type IncomingEvent } from '../../common/inbox.ts';
import { insertInto } from '../../common/insert-into.ts';
import { appendToOutbox } from '../../common/outbox.ts';
import { OutboxRelay } from '../../common/outbox-relay.ts';
import type { RefundStepDue } from '../../contracts/refund-events.ts';
import { refundStepResult } from '../../contracts/refund-step-results.ts';
import { isAllOf, takeOut, type Shipment } from '../domain/shipment.ts';
import { GoodsReturnRow, type ReturnStatus } from '../persistence/shipment.entity.ts';
import { ShipmentRepository } from '../persistence/shipment.repository.ts';
import { Carrier } from './carrier.ts';

/**
 * Sees to the goods of a refund: what has not left is taken out of the parcel, and the step is done; what has left is
 * waited for, and the step is done when the return receipt comes (`ReceiveReturn`).
 *
 * Errors: WAREHOUSE.NOT_PAID_YET and WAREHOUSE.LEAVING, to be tried again; THIRD_PARTY.UNAVAILABLE, the same.
 */
@Injectable()
export class ReturnGoods {
  constructor(
    private readonly dataSource: DataSource,
    private readonly inbox: Inbox,
    private readonly shipments: ShipmentRepository,
    private readonly carrier: Carrier,
    private readonly relay: OutboxRelay,
    private readonly clock: Clock,
  ) {}

  async execute(due: RefundStepDue, incoming: IncomingEvent): Promise<'handled' | 'duplicate'> {
    const { orderNo } = due;
    const found = await this.shipments.find(this.dataSource.manager, { orderNo });
    if (found === undefined) throw notPaidYet(orderNo);
    const isStopped = found.status === 'HANDING_OVER' && (await this.#stop(found, due));
    const outcome = await this.inbox.once(incoming, (manager) =>
      this.#settle(manager, due, isStopped),
    );
    this.relay.wake();
    return outcome;
  }

  /** Asks the carrier not to take the parcel. Errors: WAREHOUSE.LEAVING when that is too late, or only a part is wanted back. */
  async #stop(shipment: Shipment, due: RefundStepDue): Promise<boolean> {
    if (isAllOf(shipment, due.items) && (await this.carrier.cancel(shipment.shipmentNo))) {
      return true;
    }
    throw leaving(shipment);
  }

  async #settle(manager: EntityManager, due: RefundStepDue, isStopped: boolean): Promise<void> {
    const { orderNo, refundNo } = due;
    const shipment = await this.shipments.findForUpdate(manager, { orderNo });
    if (shipment === undefined) throw notPaidYet(orderNo);
    const known = await manager.findOneBy(GoodsReturnRow, { refundNo });
    if (known !== null) {
      if (known.status !== 'AWAITED') await this.#tell(manager, due, noteOf[known.status]);
      return;
    }
    if (shipment.status === 'SHIPPED') {
      await this.#note(manager, shipment, due, 'AWAITED');
      return;
    }
    // Handed over since the first look, or being so right now: the next try asks the carrier.
    if (shipment.status === 'HANDING_OVER' && !isStopped) throw leaving(shipment);
    await this.shipments.update(manager, shipment, takeOut(shipment, due.items));
    await this.#note(manager, shipment, due, 'CANCELLED');
    await this.#tell(manager, due, noteOf.CANCELLED);
  }

  async #note(
    manager: EntityManager,
    { shipmentNo }: Shipment,
    { refundNo, orderNo, items }: RefundStepDue,
    status: ReturnStatus,
  ): Promise<void> {
    const now = this.clock.now();
    const row = {
      refundNo,
      shipmentNo,
      orderNo,
      status,
      items: [...items],
      requestedAt: now,
      settledAt: status === 'AWAITED' ? null : now,
    };
    const isNew = await insertOnce(insertInto(manager, GoodsReturnRow, [row]));
    if (!isNew) throw new Error(`the return of refund ${refundNo} appeared under our lock`);
  }

  #tell(manager: EntityManager, due: RefundStepDue, note: string): Promise<void> {
    const result = refundStepResult(due, { type: 'Done', note, at: this.clock.now() });
    return appendToOutbox(manager, result);
  }
}

const noteOf = {
  CANCELLED: 'taken out of the parcel before it left',
  RECEIVED: 'the return receipt has come',
} as const;

function notPaidYet(orderNo: string): DomainError {
  return new DomainError(
    'WAREHOUSE.NOT_PAID_YET',
    'unavailable',
    `order ${orderNo} has no shipment yet: its payment has not been heard of here`,
  );
}

function leaving({ shipmentNo, status }: Shipment): DomainError {
  return new DomainError(
    'WAREHOUSE.LEAVING',
    'unavailable',
    `shipment ${shipmentNo} is ${status}: it can be waited for when it has left`,
  );
}
