import { Injectable } from '@nestjs/common';
import { In, type EntityManager, type FindOptionsWhere } from 'typeorm';
import { insertOnce } from '../../common/database-errors.ts';
import { insertInto } from '../../common/insert-into.ts';
import { updateRows } from '../../common/update-rows.ts';
import type { Shipment } from '../domain/shipment.ts';
import { ShipmentItemRow, ShipmentRow } from './shipment.entity.ts';

/** Shipments as rows. Every method works inside the transaction (or outside of one) that `manager` stands for. */
@Injectable()
export class ShipmentRepository {
  /** False when the order has its shipment already. */
  async insert(manager: EntityManager, shipment: Shipment): Promise<boolean> {
    return insertOnce(this.insertAll(manager, [shipment]));
  }

  /** Errors: ER_DUP_ENTRY when one of the orders has its shipment already. */
  async insertAll(manager: EntityManager, shipments: readonly Shipment[]): Promise<void> {
    const rows = shipments.map(({ items: _items, ...facts }) => ({
      ...facts,
      trackingNo: null,
      shippedAt: null,
    }));
    await insertInto(manager, ShipmentRow, rows);
    const items = shipments.flatMap(({ shipmentNo, items: ofParcel }) =>
      ofParcel.map((item) => ({ ...item, shipmentNo })),
    );
    await insertInto(manager, ShipmentItemRow, items);
  }

  async find(
    manager: EntityManager,
    where: FindOptionsWhere<ShipmentRow>,
  ): Promise<Shipment | undefined> {
    const row = await manager.findOneBy(ShipmentRow, where);
    return row === null ? undefined : withItems(manager, row);
  }

  /** Holds the shipment's row until the transaction ends. */
  async findForUpdate(
    manager: EntityManager,
    where: FindOptionsWhere<ShipmentRow>,
  ): Promise<Shipment | undefined> {
    const row = await manager.findOne(ShipmentRow, {
      where,
      lock: { mode: 'pessimistic_write' },
    });
    return row === null ? undefined : withItems(manager, row);
  }

  /**
   * Those of these shipments that are there and that nobody else holds just now, by number; their rows are held until the
   * transaction ends. Of many one that somebody does not let go of must not keep the others waiting.
   */
  async holdAllFree(
    manager: EntityManager,
    shipmentNos: readonly string[],
  ): Promise<Map<string, Shipment>> {
    const rows = await manager.find(ShipmentRow, {
      where: { shipmentNo: In([...shipmentNos]) },
      lock: { mode: 'pessimistic_write', onLocked: 'skip_locked' },
    });
    const items = await manager.find(ShipmentItemRow, {
      where: { shipmentNo: In([...shipmentNos]) },
      order: { sku: 'ASC' },
    });
    return new Map(
      rows.map((row) => {
        const ofParcel = items.filter(({ shipmentNo }) => shipmentNo === row.shipmentNo);
        return [row.shipmentNo, shipmentOf(row, ofParcel)];
      }),
    );
  }

  /** Writes how far shipments have come whose content has not changed. */
  updateProgress(manager: EntityManager, shipments: readonly Shipment[]): Promise<void> {
    const rows = shipments.map(
      ({ items: _items, trackingNo = null, shippedAt = null, ...facts }) => ({
        ...facts,
        trackingNo,
        shippedAt,
      }),
    );
    return updateRows(manager, ShipmentRow, rows, ['status', 'trackingNo', 'shippedAt']);
  }

  /** Writes what has become of it. */
  async update(manager: EntityManager, before: Shipment, after: Shipment): Promise<void> {
    const { shipmentNo, status, trackingNo = null, shippedAt = null } = after;
    await manager.update(ShipmentRow, { shipmentNo }, { status, trackingNo, shippedAt });
    for (const [index, { sku, cancelledQuantity }] of after.items.entries()) {
      if (before.items[index]?.cancelledQuantity === cancelledQuantity) continue;
      await manager.update(ShipmentItemRow, { shipmentNo, sku }, { cancelledQuantity });
    }
  }
}

async function withItems(manager: EntityManager, row: ShipmentRow): Promise<Shipment> {
  const items = await manager.find(ShipmentItemRow, {
    where: { shipmentNo: row.shipmentNo },
    order: { sku: 'ASC' },
  });
  return shipmentOf(row, items);
}

function shipmentOf(
  { trackingNo, shippedAt, ...facts }: ShipmentRow,
  items: readonly ShipmentItemRow[],
): Shipment {
  return {
    ...facts,
    ...(trackingNo === null ? {} : { trackingNo }),
    ...(shippedAt === null ? {} : { shippedAt }),
    items: items.map(({ sku, quantity, cancelledQuantity }) => ({
      sku,
      quantity,
      cancelledQuantity,
    })),
  };
}
