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
import { refundStepResult, type RefundStepResult } from '../../contracts/refund-step-results.ts';
import { excessOf, isAllOf, leaving, takeOut, type Shipment } from '../domain/shipment.ts';
import { GoodsReturnRow, type ReturnStatus } from '../persistence/shipment.entity.ts';
import { ShipmentRepository } from '../persistence/shipment.repository.ts';
import { Carrier } from './carrier.ts';

/**
 * Sees to the goods of a refund: what has not left is taken out of the parcel, and the step is done; what has left is
 * waited for, and the step is done when the return receipt comes (`ReceiveReturn`). Asked again, it tells again that it is
 * done. More than there is is refused, and a person must look at that.
 *
 * Errors: WAREHOUSE.NOT_PAID_YET and WAREHOUSE.LEAVING, to be tried again; THIRD_PARTY.UNAVAILABLE, the same;
 *         WAREHOUSE.RETURNED_OTHERWISE.
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
    const { manager } = this.dataSource;
    const found = await this.shipments.find(manager, { orderNo: due.orderNo });
    const isStopped = found?.status === 'HANDING_OVER' && (await this.#stop(found, due));
    const outcome = await this.inbox.once(incoming, (inTransaction) =>
      this.#settle(inTransaction, due, isStopped),
    );
    this.relay.wake();
    return outcome;
  }

  /** Asks the carrier not to take a parcel all of which is wanted back. True: it never will. */
  async #stop(shipment: Shipment, { refundNo, items }: RefundStepDue): Promise<boolean> {
    // Looked up after the state: a refund that took its goods out before the parcel was being handed over is found, and
    // its step that comes again must not stop the others' goods.
    if (await this.dataSource.manager.existsBy(GoodsReturnRow, { refundNo })) return false;
    return isAllOf(shipment, items) && this.carrier.cancel(shipment.shipmentNo);
  }

  async #settle(manager: EntityManager, due: RefundStepDue, isStopped: boolean): Promise<void> {
    const { orderNo, refundNo, items } = due;
    // Money that came too late: nothing was ever packed.
    if (items.length === 0)
      return this.#tell(manager, due, 'Done', 'no goods belong to this refund');
    const shipment = await this.shipments.findForUpdate(manager, { orderNo });
    if (shipment === undefined) throw notPaidYet(orderNo);
    const returns = await manager.find(GoodsReturnRow, { where: [{ refundNo }, { orderNo }] });
    const known = returns.find((each) => each.refundNo === refundNo);
    if (known !== undefined) return this.#tellAgain(manager, due, known);
    const left = returns.filter(({ status }) => status !== 'CANCELLED');
    const returned = left.flatMap((each) => each.items);
    const excess = excessOf(shipment, items, returned);
    if (excess !== undefined) return this.#tell(manager, due, 'Failed', excess);
    if (shipment.status === 'SHIPPED') return this.#note(manager, shipment, due, 'AWAITED');
    // Handed over since the first look, or being so right now, or only a part is wanted: it can be waited for, soon.
    if (shipment.status === 'HANDING_OVER' && !isStopped) throw leaving(shipment);
    await this.shipments.update(manager, shipment, takeOut(shipment, items));
    await this.#note(manager, shipment, due, 'CANCELLED');
    await this.#tell(manager, due, 'Done', noteOf.CANCELLED);
  }

  async #tellAgain(
    manager: EntityManager,
    due: RefundStepDue,
    { refundNo, orderNo, status }: GoodsReturnRow,
  ): Promise<void> {
    if (orderNo !== due.orderNo) {
      throw new DomainError(
        'WAREHOUSE.RETURNED_OTHERWISE',
        'invalid',
        `refund ${refundNo} is of order ${orderNo}, not of order ${due.orderNo}`,
      );
    }
    if (status !== 'AWAITED') await this.#tell(manager, due, 'Done', noteOf[status]);
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

  #tell(
    manager: EntityManager,
    due: RefundStepDue,
    type: RefundStepResult['type'],
    note: string,
  ): Promise<void> {
    return appendToOutbox(manager, refundStepResult(due, { type, note, at: this.clock.now() }));
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
