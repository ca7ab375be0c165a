import { Injectable } from '@nestjs/common';
import { In, type EntityManager } from 'typeorm';
import { insertOnce } from '../../common/database-errors.ts';
import { insertInto } from '../../common/insert-into.ts';
import type { MinorUnits } from '../../common/money.ts';
import { isOrderNo } from '../domain/order-number.ts';
import type { Order } from '../domain/order.ts';
import { CatalogueItemRow, IdempotencyKeyRow, OrderItemRow, OrderRow } from './order.entity.ts';

/** Orders as rows. Every method works inside the transaction (or outside of one) that `manager` stands for. */
@Injectable()
export class OrderRepository {
  /** False when the key is taken: by then the transaction that took it has committed. */
  async claimKey(manager: EntityManager, claim: IdempotencyKeyRow): Promise<boolean> {
    return insertOnce(insertInto(manager, IdempotencyKeyRow, [claim]));
  }

  findKey(manager: EntityManager, idempotencyKey: string): Promise<IdempotencyKeyRow | null> {
    return manager.findOneBy(IdempotencyKeyRow, { idempotencyKey });
  }

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
    if (!isOrderNo(orderNo)) return undefined;
    const row = await manager.findOneBy(OrderRow, { orderNo });
    return row ? this.#withItems(manager, row) : undefined;
  }

  /** Holds the order's row until the transaction ends, so that of two moves at once the second sees the first. */
  async findForUpdate(manager: EntityManager, orderNo: string): Promise<Order | undefined> {
    if (!isOrderNo(orderNo)) return undefined;
    const row = await manager.findOne(OrderRow, {
      where: { orderNo },
      lock: { mode: 'pessimistic_write' },
    });
    return row ? this.#withItems(manager, row) : undefined;
  }

  async updateStatus(manager: EntityManager, order: Order): Promise<void> {
    const { status, paidAt, closedAt } = rowOf(order);
    await manager.update(OrderRow, { orderNo: order.orderNo }, { status, paidAt, closedAt });
  }

  async #withItems(manager: EntityManager, row: OrderRow): Promise<Order> {
    const rows = await manager.find(OrderItemRow, {
      where: { orderNo: row.orderNo },
      order: { lineNo: 'ASC' },
    });
    const { paidAt, closedAt, ...facts } = row;
    return {
      ...facts,
      ...(paidAt ? { paidAt } : {}),
      ...(closedAt ? { closedAt } : {}),
      items: rows.map(({ sku, quantity, unitPriceMinor }) => ({ sku, quantity, unitPriceMinor })),
    };
  }
}

function rowOf(order: Order): OrderRow {
  const { items: _items, paidAt, closedAt, ...facts } = order;
  return { ...facts, paidAt: paidAt ?? null, closedAt: closedAt ?? null };
}
