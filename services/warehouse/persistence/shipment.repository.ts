import { Injectable } from '@nestjs/common';
import type { EntityManager, FindOptionsWhere } from 'typeorm';
import { insertOnce } from '../../common/database-errors.ts';
import { insertInto } from '../../common/insert-into.ts';
import type { Shipment } from '../domain/shipment.ts';
import { ShipmentItemRow, ShipmentRow } from './shipment.entity.ts';

/** Shipments as rows. Every method works inside the transaction (or outside of one) that `manager` stands for. */
@Injectable()
export class ShipmentRepository {
  /** False when the order has its shipment already. */
  async insert(manager: EntityManager, shipment: Shipment): Promise<boolean> {
    const { items, ...facts } = shipment;
    const row = { ...facts, trackingNo: null, shippedAt: null };
    if (!(await insertOnce(insertInto(manager, ShipmentRow, [row])))) return false;
    const { shipmentNo } = shipment;
    await insertInto(
      manager,
      ShipmentItemRow,
      items.map((item) => ({ ...item, shipmentNo })),
    );
    return true;
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
  const { trackingNo, shippedAt, ...facts } = row;
  const items = await manager.find(ShipmentItemRow, {
    where: { shipmentNo: row.shipmentNo },
    order: { sku: 'ASC' },
  });
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
