import { Injectable } from '@nestjs/common';
import { In, type EntityManager } from 'typeorm';
import { insertOnce } from '../../common/database-errors.ts';
import { isDocumentNo } from '../../common/document-number.ts';
import { insertInto } from '../../common/insert-into.ts';
import type { OrderRefund } from '../domain/order-refund.ts';
import { OrderRefundItemRow, OrderRefundRow } from './order.entity.ts';

/** An order's refunds as rows. */
@Injectable()
export class OrderRefundRepository {
  /** False when this late payment is being given back already. */
  async insert(manager: EntityManager, refund: OrderRefund): Promise<boolean> {
    const { items, completedAt, ...facts } = refund;
    const row = { ...facts, completedAt: completedAt ?? null };
    if (!(await insertOnce(insertInto(manager, OrderRefundRow, [row])))) return false;
    const { refundNo } = refund;
    const rows = items.map((item) => ({ ...item, refundNo }));
    if (rows.length > 0) await insertInto(manager, OrderRefundItemRow, rows);
    return true;
  }

  /** Of one order, oldest first. */
  async ofOrder(manager: EntityManager, orderNo: string): Promise<OrderRefund[]> {
    // What cannot be an order number never reaches a statement: the column is ASCII.
    if (!isDocumentNo(orderNo)) return [];
    const rows = await manager.find(OrderRefundRow, {
      where: { orderNo },
      order: { requestedAt: 'ASC', refundNo: 'ASC' },
    });
    return this.#withItems(manager, rows);
  }

  async find(manager: EntityManager, refundNo: string): Promise<OrderRefund | undefined> {
    const row = await manager.findOneBy(OrderRefundRow, { refundNo });
    const [refund] = await this.#withItems(manager, row === null ? [] : [row]);
    return refund;
  }

  async complete(manager: EntityManager, refundNo: string, completedAt: Date): Promise<void> {
    await manager.update(OrderRefundRow, { refundNo }, { completedAt });
  }

  async #withItems(
    manager: EntityManager,
    rows: readonly OrderRefundRow[],
  ): Promise<OrderRefund[]> {
    if (rows.length === 0) return [];
    const items = await manager.find(OrderRefundItemRow, {
      where: { refundNo: In(rows.map(({ refundNo }) => refundNo)) },
      order: { sku: 'ASC' },
    });
    return rows.map(({ completedAt, ...facts }) => ({
      ...facts,
      ...(completedAt === null ? {} : { completedAt }),
      items: items
        .filter(({ refundNo }) => refundNo === facts.refundNo)
        .map(({ sku, quantity }) => ({ sku, quantity })),
    }));
  }
}
