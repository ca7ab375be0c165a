import { Injectable } from '@nestjs/common';
import { In, type EntityManager } from 'typeorm';
import { isDocumentNo } from '../../common/document-number.ts';
import { insertInto } from '../../common/insert-into.ts';
import { updateRows } from '../../common/update-rows.ts';
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

  async insert(manager: EntityManager, orders: readonly Order[]): Promise<void> {
    const items = orders.flatMap(({ orderNo, items: ofOrder }) =>
      ofOrder.map((item, index) => ({ ...item, orderNo, lineNo: index + 1 })),
    );
    await insertInto(
      manager,
      OrderRow,
      orders.map((order) => rowOf(order)),
    );
    await insertInto(manager, OrderItemRow, items);
  }

  /** Orders of a flash sale as they are placed; of those that are there already nothing is changed. Returns the new ones. */
  async insertAll(manager: EntityManager, orders: readonly Order[]): Promise<ReadonlySet<string>> {
    // In one order, whoever asks: two batches with the same orders cannot wait for each other then.
    const rows = orders
      .toSorted((a, b) => (a.orderNo < b.orderNo ? -1 : 1))
      .map(({ orderNo, userId, saleId, status, discountMinor, totalMinor, currency, placedAt }) => [
        orderNo,
        userId,
        saleId ?? null,
        status,
        discountMinor,
        totalMinor,
        currency,
        placedAt,
      ]);
    const inserted: { orderNo: string }[] = await manager.query(
      `INSERT IGNORE INTO orders
         (order_no, user_id, sale_id, status, discount_minor, total_minor, currency, placed_at)
         VALUES ? RETURNING order_no AS orderNo`,
      [rows],
    );
    const newNos = new Set(inserted.map(({ orderNo }) => orderNo));
    const items = orders
      .filter(({ orderNo }) => newNos.has(orderNo))
      .flatMap((order) =>
        order.items.map(({ sku, quantity, unitPriceMinor }, index) => [
          order.orderNo,
          index + 1,
          sku,
          quantity,
          unitPriceMinor,
        ]),
      );
    if (items.length > 0) {
      await manager.query(
        'INSERT INTO order_items (order_no, line_no, sku, quantity, unit_price_minor) VALUES ?',
        [items],
      );
    }
    return newNos;
  }

  /** Those of these orders that are there, by number. */
  findAll(
    manager: EntityManager,
    orderNos: readonly string[],
  ): Promise<ReadonlyMap<string, Order>> {
    return this.#all(manager, orderNos, {});
  }

  /** Which of these orders are there: where as a rule none is, less work than to find them. */
  async knownOf(manager: EntityManager, orderNos: readonly string[]): Promise<string[]> {
    const rows: { orderNo: string }[] = await manager.query(
      'SELECT order_no AS orderNo FROM orders WHERE order_no IN (?)',
      [orderNos],
    );
    return rows.map(({ orderNo }) => orderNo);
  }

  /**
   * Those of `findAll` whose rows nobody else holds just now; they are held until the transaction ends. Of many orders one that
   * somebody does not let go of must not keep the others waiting.
   */
  holdAllFree(
    manager: EntityManager,
    orderNos: readonly string[],
  ): Promise<ReadonlyMap<string, Order>> {
    return this.#all(manager, orderNos, {
      lock: { mode: 'pessimistic_write', onLocked: 'skip_locked' },
    });
  }

  async #all(
    manager: EntityManager,
    orderNos: readonly string[],
    how: { lock?: { mode: 'pessimistic_write'; onLocked: 'skip_locked' } },
  ): Promise<ReadonlyMap<string, Order>> {
    // What cannot be an order number never reaches a statement: the column is ASCII.
    const wanted = orderNos.filter((orderNo) => isDocumentNo(orderNo));
    if (wanted.length === 0) return new Map();
    const rows = await manager.find(OrderRow, { where: { orderNo: In(wanted) }, ...how });
    if (rows.length === 0) return new Map();
    const itemRows = await manager.find(OrderItemRow, {
      where: { orderNo: In(rows.map(({ orderNo }) => orderNo)) },
      order: { lineNo: 'ASC' },
    });
    const itemsOf = new Map<string, OrderItemRow[]>(rows.map(({ orderNo }) => [orderNo, []]));
    for (const item of itemRows) itemsOf.get(item.orderNo)?.push(item);
    return new Map(rows.map((row) => [row.orderNo, orderOf(row, itemsOf.get(row.orderNo) ?? [])]));
  }

  /** Those of these orders that nobody has paid or closed. */
  async pendingOf(manager: EntityManager, orderNos: readonly string[]): Promise<string[]> {
    const rows: { orderNo: string }[] = await manager.query(
      `SELECT order_no AS orderNo FROM orders WHERE order_no IN (?) AND status = 'PENDING'`,
      [orderNos],
    );
    return rows.map(({ orderNo }) => orderNo);
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

  /** Writes what has become of orders that are there. */
  async updateProgressAll(manager: EntityManager, orders: readonly Order[]): Promise<void> {
    const rows = orders.map((order) => rowOf(order));
    await updateRows(manager, OrderRow, rows, [
      'status',
      'paidAt',
      'paymentNo',
      'closedAt',
      'shippedAt',
      'trackingNo',
    ]);
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
    return orderOf(row, rows);
  }
}

function orderOf(row: OrderRow, items: readonly OrderItemRow[]): Order {
  const { saleId, couponCode, paidAt, paymentNo, closedAt, shippedAt, trackingNo, ...facts } = row;
  return {
    ...facts,
    ...(saleId === null ? {} : { saleId }),
    ...(couponCode === null ? {} : { couponCode }),
    ...(paidAt === null ? {} : { paidAt }),
    ...(paymentNo === null ? {} : { paymentNo }),
    ...(closedAt === null ? {} : { closedAt }),
    ...(shippedAt === null ? {} : { shippedAt }),
    ...(trackingNo === null ? {} : { trackingNo }),
    items: items.map(({ sku, quantity, unitPriceMinor }) => ({ sku, quantity, unitPriceMinor })),
  };
}

function rowOf(order: Order): OrderRow {
  const { items: _items, ...facts } = order;
  return {
    ...facts,
    saleId: order.saleId ?? null,
    couponCode: order.couponCode ?? null,
    paidAt: order.paidAt ?? null,
    paymentNo: order.paymentNo ?? null,
    closedAt: order.closedAt ?? null,
    shippedAt: order.shippedAt ?? null,
    trackingNo: order.trackingNo ?? null,
  };
}
