import { Injectable } from '@nestjs/common';
import { In, type EntityManager } from 'typeorm';
import { isDocumentNo } from '../../common/document-number.ts';
import { insertInto } from '../../common/insert-into.ts';
import type { MinorUnits } from '../../common/money.ts';
import type { Order } from '../domain/order.ts';
import { CatalogueItemRow, OrderItemRow, OrderRow } from './order.entity.ts';

/** Orders as rows. Every method works inside the transaction (or outside of one) that `manager` stands for. */
@Injectable()
export class OrderRepository {
  async prices(
    manager: EntityManager,
    skus: readonly string[],
  ): Promise<ReadonlyMap<string, MinorUnits>> {
    const rows = await manager.findBy(CatalogueItemRow, { sku: In([...new Set(skus)]) });
    return new Map(rows.map((row) => [row.sku, row.unitPriceMinor]));
  }

  async insert(manager: EntityManager, order: Order): Promise<void> {
    const { orderNo } = order;
    const items = order.items.map((item, index) => ({ ...item, orderNo, lineNo: index + 1 }));
    await insertInto(manager, OrderRow, [rowOf(order)]);
    await insertInto(manager, OrderItemRow, items);
  }

  async find(manager: EntityManager, orderNo: string): Promise<Order | undefined> {
    // What cannot be an order number never reaches a statement: the column is ASCII.
    if (!isDocumentNo(orderNo)) return undefined;
    const row = await manager.findOneBy(OrderRow, { orderNo });
    return row ? this.#withItems(manager, row) : undefined;
  }

  /** Holds the order's row until the transaction ends, so that of two moves at once the second sees the first. */
  async findForUpdate(manager: EntityManager, orderNo: string): Promise<Order | undefined> {
    if (!isDocumentNo(orderNo)) return undefined;
    const row = await manager.findOne(OrderRow, {
      where: { orderNo },
      lock: { mode: 'pessimistic_write' },
    });
    return row ? this.#withItems(manager, row) : undefined;
  }

  /** Writes what has become of the order; what was ordered never changes. */
  async updateProgress(manager: EntityManager, order: Order): Promise<void> {
    const { status, paidAt, paymentNo, closedAt, shippedAt, trackingNo } = rowOf(order);
    const progress = { status, paidAt, paymentNo, closedAt, shippedAt, trackingNo };
    await manager.update(OrderRow, { orderNo: order.orderNo }, progress);
  }

  async #withItems(manager: EntityManager, row: OrderRow): Promise<Order> {
    const rows = await manager.find(OrderItemRow, {
      where: { orderNo: row.orderNo },
      order: { lineNo: 'ASC' },
    });
    const { couponCode, paidAt, paymentNo, closedAt, shippedAt, trackingNo, ...facts } = row;
    return {
      ...facts,
      ...(couponCode === null ? {} : { couponCode }),
      ...(paidAt === null ? {} : { paidAt }),
      ...(paymentNo === null ? {} : { paymentNo }),
      ...(closedAt === null ? {} : { closedAt }),
      ...(shippedAt === null ? {} : { shippedAt }),
      ...(trackingNo === null ? {} : { trackingNo }),
      items: rows.map(({ sku, quantity, unitPriceMinor }) => ({ sku, quantity, unitPriceMinor })),
    };
  }
}

function rowOf(order: Order): OrderRow {
  const { items: _items, ...facts } = order;
  return {
    ...facts,
    couponCode: order.couponCode ?? null,
    paidAt: order.paidAt ?? null,
    paymentNo: order.paymentNo ?? null,
    closedAt: order.closedAt ?? null,
    shippedAt: order.shippedAt ?? null,
    trackingNo: order.trackingNo ?? null,
  };
}
