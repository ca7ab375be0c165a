import { Injectable } from '@nestjs/common';
import { In, type EntityManager } from 'typeorm';
import { insertOnce } from '../../common/database-errors.ts';
import { insertInto } from '../../common/insert-into.ts';
import type { Reservation, ReservationStatus, StockItem } from '../domain/reservation.ts';
import { ReservationItemRow, ReservationRow } from './stock.entity.ts';

export interface NewReservation {
  orderNo: string;
  transactionKey: string;
  items: readonly StockItem[];
}

/** Reservations as rows. Every method works inside the transaction (or outside of one) that `manager` stands for. */
@Injectable()
export class ReservationRepository {
  /** False when the order has one, which the transaction sees from then on. */
  async insert(
    manager: EntityManager,
    { orderNo, transactionKey, items }: NewReservation,
    at: Date,
  ): Promise<boolean> {
    const row = {
      orderNo,
      transactionKey,
      status: 'RESERVED' as const,
      isOrderKnown: false,
      createdAt: at,
      updatedAt: at,
    };
    if (!(await insertOnce(insertInto(manager, ReservationRow, [row])))) return false;
    const itemRows = items.map(({ sku, quantity }) => ({ orderNo, sku, quantity }));
    await insertInto(manager, ReservationItemRow, itemRows);
    return true;
  }

  /** The orders that had none. Their items are still to be inserted. */
  async insertAll(
    manager: EntityManager,
    reservations: readonly NewReservation[],
    at: Date,
  ): Promise<ReadonlySet<string>> {
    // In one order, whoever asks: two batches with the same orders cannot wait for each other then.
    const rows = reservations
      .toSorted((a, b) => (a.orderNo < b.orderNo ? -1 : 1))
      .map(({ orderNo, transactionKey }) => [orderNo, 'RESERVED', transactionKey, false, at, at]);
    const inserted: { orderNo: string }[] = await manager.query(
      `INSERT IGNORE INTO reservations
         (order_no, status, transaction_key, is_order_known, created_at, updated_at)
         VALUES ? RETURNING order_no AS orderNo`,
      [rows],
    );
    return new Set(inserted.map(({ orderNo }) => orderNo));
  }

  async insertItems(
    manager: EntityManager,
    reservations: readonly NewReservation[],
  ): Promise<void> {
    const rows = reservations.flatMap(({ orderNo, items }) =>
      items.map(({ sku, quantity }) => [orderNo, sku, quantity]),
    );
    if (rows.length === 0) return;
    await manager.query('INSERT INTO reservation_items (order_no, sku, quantity) VALUES ?', [rows]);
  }

  /** Takes back reservations that this transaction has inserted. */
  async discard(manager: EntityManager, orderNos: readonly string[]): Promise<void> {
    if (orderNos.length === 0) return;
    await manager.query('DELETE FROM reservations WHERE order_no IN (?)', [orderNos]);
  }

  /** By order, with their items. */
  async findAll(
    manager: EntityManager,
    orderNos: readonly string[],
  ): Promise<ReadonlyMap<string, Reservation & { items: StockItem[] }>> {
    const rows = await manager.findBy(ReservationRow, { orderNo: In([...orderNos]) });
    const itemRows = await manager.findBy(ReservationItemRow, { orderNo: In([...orderNos]) });
    const found = new Map(
      rows.map(({ orderNo, status, transactionKey, isOrderKnown }) => [
        orderNo,
        { orderNo, status, transactionKey, isOrderKnown, items: [] as StockItem[] },
      ]),
    );
    for (const { orderNo, sku, quantity } of itemRows) {
      found.get(orderNo)?.items.push({ sku, quantity });
    }
    return found;
  }

  async find(manager: EntityManager, orderNo: string): Promise<Reservation | undefined> {
    return (await manager.findOneBy(ReservationRow, { orderNo })) ?? undefined;
  }

  /** Holds the row until the transaction ends, so that of two moves at once the second sees the first. */
  async findForUpdate(manager: EntityManager, orderNo: string): Promise<Reservation | undefined> {
    const row = await manager.findOne(ReservationRow, {
      where: { orderNo },
      lock: { mode: 'pessimistic_write' },
    });
    return row ?? undefined;
  }

  /**
   * Which of these orders have a reservation that is held, whose rows the transaction holds from then on. Not those whose row
   * somebody else holds just now: of many one that is not let go of must not keep the others waiting.
   */
  async holdReserved(manager: EntityManager, orderNos: readonly string[]): Promise<string[]> {
    const rows: { orderNo: string; status: ReservationStatus }[] = await manager.query(
      `SELECT order_no AS orderNo, status FROM reservations WHERE order_no IN (?)
         ORDER BY order_no FOR UPDATE SKIP LOCKED`,
      [orderNos],
    );
    return rows.filter(({ status }) => status === 'RESERVED').map(({ orderNo }) => orderNo);
  }

  /**
   * As `findForUpdate`; where there is no reservation a RELEASED one is put, and one that comes later is refused. Both in one
   * statement: an insert that meets a reservation just being made waits for it.
   */
  async findForUpdateOrBury(
    manager: EntityManager,
    orderNo: string,
    at: Date,
  ): Promise<Reservation> {
    const rows: (Omit<Reservation, 'orderNo' | 'isOrderKnown'> & { isOrderKnown: number })[] =
      await manager.query(
        `INSERT INTO reservations (order_no, status, is_order_known, created_at, updated_at)
           VALUES (?, 'RELEASED', FALSE, ?, ?)
           ON DUPLICATE KEY UPDATE order_no = VALUES(order_no)
           RETURNING status, transaction_key AS transactionKey, is_order_known AS isOrderKnown`,
        [orderNo, at, at],
      );
    const { status, transactionKey, isOrderKnown } = rows[0]!;
    return { orderNo, status, transactionKey, isOrderKnown: isOrderKnown === 1 };
  }

  async itemsOf(manager: EntityManager, orderNo: string): Promise<StockItem[]> {
    const rows = await manager.findBy(ReservationItemRow, { orderNo });
    return rows.map(({ sku, quantity }) => ({ sku, quantity }));
  }

  async itemsOfAll(
    manager: EntityManager,
    orderNos: readonly string[],
  ): Promise<{ orderNo: string; items: StockItem[] }[]> {
    const rows: (StockItem & { orderNo: string })[] = await manager.query(
      'SELECT order_no AS orderNo, sku, quantity FROM reservation_items WHERE order_no IN (?)',
      [orderNos],
    );
    const itemsOf = new Map<string, StockItem[]>(orderNos.map((orderNo) => [orderNo, []]));
    for (const { orderNo, sku, quantity } of rows) itemsOf.get(orderNo)?.push({ sku, quantity });
    return [...itemsOf].map(([orderNo, items]) => ({ orderNo, items }));
  }

  async update(
    manager: EntityManager,
    orderNos: readonly string[],
    change: { status?: ReservationStatus; isOrderKnown?: true },
    at: Date,
  ): Promise<void> {
    const where = { orderNo: In([...orderNos]) };
    await manager.update(ReservationRow, where, { ...change, updatedAt: at });
  }

  /** Notes that orders were placed. Returns of how many that was not known, and something is set aside for them. */
  async noteOrders(manager: EntityManager, orderNos: readonly string[], at: Date): Promise<number> {
    const { affectedRows } = await manager.query<{ affectedRows: number }>(
      `UPDATE reservations SET is_order_known = TRUE, updated_at = ?
         WHERE order_no IN (?) AND NOT is_order_known AND status <> 'RELEASED'`,
      [at, orderNos],
    );
    return affectedRows;
  }
}
